package io.github.dpo4j.text.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** C's strftime in the C locale: English names, local time without a zone, as Python's datetime.now() gives it. */
final class Strftime {
    private Strftime() {}

    static String format(LocalDateTime time, String format, Rendering rendering) {
        rendering.text(30L * format.length());
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                out.append(c);
                continue;
            }
            char directive = format.charAt(++i);
            boolean unpadded = directive == '-' && i + 1 < format.length();
            String part = part(time, unpadded ? format.charAt(++i) : directive, rendering);
            // glibc's %-d: without the leading zeros or spaces
            out.append(unpadded ? part.replaceFirst("^[0 ]+(?=.)", "") : part);
        }
        return out.toString();
    }

    private static String part(LocalDateTime time, char directive, Rendering rendering) {
        return switch (directive) {
            case 'a' -> pattern(time, "EEE");
            case 'A' -> pattern(time, "EEEE");
            case 'b', 'h' -> pattern(time, "MMM");
            case 'B' -> pattern(time, "MMMM");
            case 'c' -> format(time, "%a %b %e %H:%M:%S %Y", rendering);
            case 'C' -> two(time.getYear() / 100);
            case 'd' -> two(time.getDayOfMonth());
            case 'D', 'x' -> format(time, "%m/%d/%y", rendering);
            case 'e' -> (time.getDayOfMonth() < 10 ? " " : "") + time.getDayOfMonth();
            case 'f' -> String.format(Locale.ROOT, "%06d", time.getNano() / 1000);
            case 'F' -> format(time, "%Y-%m-%d", rendering);
            case 'G' -> String.valueOf(time.get(IsoFields.WEEK_BASED_YEAR));
            case 'H' -> two(time.getHour());
            case 'I' -> two(time.getHour() % 12 == 0 ? 12 : time.getHour() % 12);
            case 'j' -> String.format(Locale.ROOT, "%03d", time.getDayOfYear());
            case 'm' -> two(time.getMonthValue());
            case 'M' -> two(time.getMinute());
            case 'n' -> "\n";
            case 'p' -> time.getHour() < 12 ? "AM" : "PM";
            case 'r' -> format(time, "%I:%M:%S %p", rendering);
            case 'R' -> format(time, "%H:%M", rendering);
            case 'S' -> two(time.getSecond());
            case 't' -> "\t";
            case 'T', 'X' -> format(time, "%H:%M:%S", rendering);
            case 'u' -> String.valueOf(time.getDayOfWeek().getValue());
            case 'U' -> two(week(time, 7));
            case 'V' -> two(time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
            case 'w' -> String.valueOf(time.getDayOfWeek().getValue() % 7);
            case 'W' -> two(week(time, 1));
            case 'y' -> two(time.getYear() % 100);
            case 'Y' -> String.valueOf(time.getYear());
            case 'z', 'Z' -> "";
            case '%' -> "%";
            default -> throw rendering.error("strftime_now does not know %" + directive);
        };
    }

    private static String pattern(LocalDateTime time, String pattern) {
        return time.format(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH));
    }

    private static String two(int number) {
        return (number < 10 ? "0" : "") + number;
    }

    /** Weeks of the year that begin on this day (1 Monday to 7 Sunday); the days before the first are week 0. */
    private static int week(LocalDateTime time, int firstDay) {
        long sinceFirstDay = Math.floorMod(time.getDayOfWeek().getValue() - firstDay, 7);
        LocalDateTime weekStart = time.minusDays(sinceFirstDay);
        LocalDateTime newYear = time.withDayOfYear(1);
        return weekStart.isBefore(newYear) ? 0 : (int) (ChronoUnit.DAYS.between(newYear, weekStart) / 7) + 1;
    }
}
