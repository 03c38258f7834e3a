package io.github.dpo4j.cli;

import io.github.dpo4j.recipe.RunObserver;
import java.io.Console;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Progress on stderr: a bar with time left on a terminal, a plain line now and then otherwise. */
final class ConsoleObserver implements RunObserver {
    private static final long PLAIN_NANOS = Duration.ofSeconds(5).toNanos();

    private final PrintStream err;
    private final boolean terminal;
    private @Nullable ProgressBar bar;
    private String task = "";
    private long total;
    private long first;
    private long startNanos;
    private long lastNanos;

    ConsoleObserver() {
        this(System.err, isTerminal());
    }

    @SuppressWarnings("SystemConsoleNull") // documented to be nullable, whatever JDK 22 and newer return
    private static boolean isTerminal() {
        Console console = System.console();
        return console != null && console.isTerminal();
    }

    ConsoleObserver(PrintStream err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    @Override
    public void note(String sentence) {
        err.println(sentence);
    }

    @Override
    public void begin(String name, long units, long done) {
        task = name;
        total = units;
        first = done;
        startNanos = System.nanoTime();
        lastNanos = startNanos;
        if (terminal) {
            bar = new ProgressBarBuilder()
                    .setTaskName(name)
                    .setInitialMax(units)
                    .startsFrom(done, Duration.ZERO)
                    .setStyle(ProgressBarStyle.ASCII)
                    .setUpdateIntervalMillis(200)
                    .build();
        }
    }

    @Override
    public void progress(long done, String summary) {
        if (bar != null) {
            bar.stepTo(done);
            bar.setExtraMessage(" " + summary);
            return;
        }
        long now = System.nanoTime();
        if (now - lastNanos >= PLAIN_NANOS || done == total) {
            lastNanos = now;
            double left = (now - startNanos) / 1e9 / Math.max(1, done - first) * (total - done);
            err.printf(Locale.ROOT, "%s %d of %d, %s, %.0f s left%n", task, done, total, summary, left);
        }
    }

    @Override
    public void end() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }
}
