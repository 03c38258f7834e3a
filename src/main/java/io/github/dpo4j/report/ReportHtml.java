package io.github.dpo4j.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.dpo4j.file.AtomicFiles;
import io.github.dpo4j.report.Report.Sample;
import io.github.dpo4j.report.Report.Samples;
import io.github.dpo4j.report.Report.Section;
import io.github.dpo4j.report.Report.Tile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes report.html: one file that opens offline, with its styles, scripts and data inside. Its content security policy
 * forbids every request and every script but the two that are written here, known by their hashes; so even text of a
 * model that got past the escaping could not run or call out.
 */
public final class ReportHtml {
    private static final String CHART_JS = "/META-INF/resources/webjars/chart.js/4.5.1/";
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\{(\\w+)}}");
    private static final Pattern SOURCE_MAP = Pattern.compile("(?m)^//# sourceMappingURL=.*$\\R?");
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern(
                    "d MMMM yyyy, HH:mm 'UTC'", Locale.ENGLISH)
            .withZone(ZoneOffset.UTC);

    private ReportHtml() {}

    /** Replaces {@code path} by the report, whole or not at all. */
    public static void write(Path path, Report report) throws IOException {
        AtomicFiles.writeText(path, render(report));
    }

    /** Returns the page; the same report gives the same text. */
    public static String render(Report report) throws IOException {
        String style = resource("report.css");
        // Its map lies in another file, which a browser's developer tools would ask for.
        String chartJs = HtmlText.script(
                SOURCE_MAP.matcher(resource(CHART_JS + "dist/chart.umd.min.js")).replaceAll(""));
        String drawing = HtmlText.script(resource("report.js"));
        String policy =
                "default-src 'none'; img-src data:; style-src %s; script-src %s %s; base-uri 'none'; form-action 'none'"
                        .formatted(hash(style), hash(chartJs), hash(drawing));
        return fill(
                resource("report.html"),
                Map.ofEntries(
                        Map.entry("policy", policy),
                        Map.entry("style", style),
                        Map.entry("title", HtmlText.escape(report.title())),
                        Map.entry("header", header(report)),
                        Map.entry("tiles", each(report.tiles(), ReportHtml::tile)),
                        Map.entry("notes", notes(report.notes())),
                        Map.entry("sections", each(report.sections(), ReportHtml::section)),
                        Map.entry("samples", report.samples() == null ? "" : samples(report.samples())),
                        Map.entry("settings", each(report.run().settings(), ReportHtml::setting)),
                        Map.entry("provenance", provenance(report.run())),
                        Map.entry(
                                "version",
                                HtmlText.escape(report.run().environment().dpo4j())),
                        Map.entry("data", HtmlText.jsonForScript(data(report))),
                        Map.entry("licence", HtmlText.escape(resource(CHART_JS + "LICENSE.md"))),
                        Map.entry("chartjs", chartJs),
                        Map.entry("script", drawing)));
    }

    /** Fills each placeholder once, in one pass, so that braces in the values mean nothing. */
    private static String fill(String template, Map<String, String> values) {
        return PLACEHOLDER.matcher(template).replaceAll(match -> {
            String value = values.get(match.group(1));
            if (value == null) {
                throw new IllegalStateException("report.html asks for " + match.group() + ", which nothing gives.");
            }
            return Matcher.quoteReplacement(value);
        });
    }

    private static String header(Report report) {
        RunManifest run = report.run();
        Instant end = run.finishedAt();
        String took = end == null
                ? ""
                : " · took "
                        + Figures.seconds(Duration.between(run.startedAt(), end).toSeconds());
        String subtitle = report.subtitle().isEmpty()
                ? ""
                : "<p class=\"subtitle\">" + HtmlText.escape(report.subtitle()) + "</p>\n";
        return """
                <p class="eyebrow">dpo4j %s</p>
                <h1>%s</h1>
                %s<p class="meta"><span class="status %s">%s</span> %s%s</p>
                """.formatted(
                        HtmlText.escape(run.command()),
                        HtmlText.escape(report.title()),
                        subtitle,
                        run.status().word(),
                        run.status().word(),
                        TIME.format(run.startedAt()),
                        took);
    }

    private static String tile(Tile tile) {
        String note = tile.note().isEmpty() ? "" : "<dd class=\"note\">" + HtmlText.escape(tile.note()) + "</dd>";
        return "<div class=\"tile card\"><dt>%s</dt><dd class=\"value\">%s</dd>%s</div>\n"
                .formatted(HtmlText.escape(tile.label()), HtmlText.escape(tile.value()), note);
    }

    private static String notes(List<String> notes) {
        if (notes.isEmpty()) {
            return "";
        }
        return "<aside class=\"notes card\" aria-label=\"Notes\">\n<h2>Please note</h2>\n<ul>\n"
                + each(notes, note -> "<li>" + HtmlText.escape(note) + "</li>\n") + "</ul>\n</aside>\n";
    }

    private static String section(Section section) {
        return """
                <section>
                <h2>%s</h2>
                <p class="lead">%s</p>
                <div class="charts">
                %s</div>
                </section>
                """.formatted(
                        HtmlText.escape(section.title()),
                        HtmlText.escape(section.explanation()),
                        each(section.charts(), ChartHtml::figure));
    }

    private static String samples(Samples samples) {
        return """
                <section>
                <h2>Before and after</h2>
                <p class="lead">%s</p>
                %s</section>
                """.formatted(
                HtmlText.escape(samples.explanation()), each(samples.list(), sample -> sample(samples, sample)));
    }

    private static String sample(Samples samples, Sample sample) {
        return """
                <article class="sample card">
                <div class="prompt"><h3>Prompt</h3><p class="text" dir="auto">%s</p></div>
                <div class="sides">
                <div class="side"><h4>%s%s</h4><p class="text" dir="auto">%s</p></div>
                <div class="side after"><h4>%s%s</h4><p class="text" dir="auto">%s</p></div>
                </div>
                </article>
                """.formatted(
                        story(sample.prompt()),
                        HtmlText.escape(samples.before()),
                        badge(samples.scoreName(), sample.scoreBefore(), Double.NaN),
                        story(sample.before()),
                        HtmlText.escape(samples.after()),
                        badge(samples.scoreName(), sample.scoreAfter(), sample.scoreBefore()),
                        story(sample.after()));
    }

    /** A completion mostly begins with a space, which would look like a slip. */
    private static String story(String text) {
        return HtmlText.escape(text.strip());
    }

    /** Returns a score with how far it is above or below {@code than}, or nothing where there is no score. */
    private static String badge(String name, double score, double than) {
        if (!Double.isFinite(score)) {
            return "";
        }
        double change = score - than;
        String kind = change > 0 ? " better" : change < 0 ? " worse" : "";
        String arrow = change > 0 ? " ▲ +" : " ▼ −";
        String text = kind.isEmpty() ? "" : arrow + Figures.shortForm(Math.abs(change), 3);
        return " <span class=\"badge%s\">%s %s%s</span>"
                .formatted(kind, HtmlText.escape(name), Figures.shortForm(score, 3), text);
    }

    private static String setting(Setting setting) {
        JsonNode value = setting.value();
        String shown = value.toString();
        if (value.isTextual()) {
            shown = value.asText();
        } else if (value.isDouble()) {
            // Fifteen digits are what every double keeps of a decimal number that someone wrote.
            shown = Figures.shortForm(value.doubleValue(), 15);
        }
        return row(setting.name(), shown);
    }

    private static String provenance(RunManifest run) {
        RunEnvironment on = run.environment();
        return "<dl class=\"facts\">\n"
                + row("dpo4j", on.dpo4j())
                + row("libtorch", on.libtorch())
                + row("Java", on.java())
                + row("system", on.os())
                + row("device", on.device())
                + row("processor", on.cpu())
                + row("threads", Integer.toString(on.threads()))
                + each(run.seeds(), seed -> row(seed.name(), Long.toString(seed.value())))
                + "</dl>\n<ul class=\"files\">\n" + each(run.files(), ReportHtml::file) + "</ul>\n";
    }

    private static String file(HashedFile file) {
        return "<li><span class=\"role\">%s</span> <b>%s</b> <span class=\"size\">%s</span><code>sha256 %s</code></li>\n"
                .formatted(
                        HtmlText.escape(file.role().replace('_', ' ')),
                        HtmlText.escape(file.path()),
                        Figures.bytes(file.bytes()),
                        HtmlText.escape(file.sha256()));
    }

    private static String row(String name, String value) {
        return "<div><dt>%s</dt><dd>%s</dd></div>\n".formatted(HtmlText.escape(name), HtmlText.escape(value));
    }

    private static ArrayNode data(Report report) {
        ArrayNode charts = JsonNodeFactory.instance.arrayNode();
        report.sections().forEach(section -> section.charts().forEach(chart -> charts.add(ChartHtml.data(chart))));
        return charts;
    }

    /** Writes one thing as HTML. */
    @FunctionalInterface
    private interface Writer<T> {
        String html(T thing);
    }

    private static <T> String each(List<T> things, Writer<T> writer) {
        StringBuilder html = new StringBuilder();
        things.forEach(thing -> html.append(writer.html(thing)));
        return html.toString();
    }

    /** Returns the policy's name for an inline script or style: the hash of exactly what stands between its tags. */
    private static String hash(String source) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(source.getBytes(StandardCharsets.UTF_8));
            return "'sha256-" + Base64.getEncoder().encodeToString(digest) + "'";
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every JDK has SHA-256.", e);
        }
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = ReportHtml.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("The class path lacks " + name + "; the build is broken.");
            }
            // Browsers read \r\n as \n before they hash.
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).replace("\r\n", "\n");
        }
    }
}
