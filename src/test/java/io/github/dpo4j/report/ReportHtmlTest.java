package io.github.dpo4j.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportHtmlTest {
    private static final String HOSTILE =
            "</script><img src=x onerror=alert(1)>\"'&\u2028\u2029{{data}}<!--\u0000\u202e$1\\";

    private static final String DATA = "<script type=\"application/json\" id=\"data\">";

    private static List<MetricsLine> dpoRun(int steps) {
        List<MetricsLine> lines = new ArrayList<>();
        for (int step = 1; step <= steps; step++) {
            double margin = step / (double) steps;
            lines.add(new MetricsLine(
                    "train",
                    step,
                    List.of(
                            new Metric("loss", step == 5 ? Double.NaN : Math.log1p(Math.exp(-margin))),
                            new Metric("grad_norm", 2),
                            new Metric("learning_rate", 5e-7),
                            new Metric("rewards/chosen", margin / 2),
                            new Metric("rewards/rejected", -margin / 2),
                            new Metric("rewards/accuracies", 0.75),
                            new Metric("rewards/margins", margin),
                            new Metric("logps/chosen", -100),
                            new Metric("logps/rejected", -110),
                            new Metric("pairs_per_second", 20))));
        }
        lines.add(new MetricsLine("eval", steps, List.of(new Metric("loss", 0.5), new Metric("rewards/chosen", 0.1))));
        return lines;
    }

    private static Report report(String text, List<MetricsLine> lines) {
        return new Report(
                text,
                text,
                List.of(new Report.Tile(text, text, text)),
                List.of(text),
                List.of(TrainingCharts.section(text, lines)),
                new Report.Samples(text, text, text, text, List.of(new Report.Sample(text, text, text, 0.25, 1))),
                RunManifestTest.begun(Setting.of("dataset", text), Setting.of("learning_rate", 5e-7)));
    }

    private static JsonNode data(String html) throws IOException {
        return new ObjectMapper().readTree(between(html, DATA, "</script>"));
    }

    private static String between(String html, String open, String close) {
        int start = html.indexOf(open) + open.length();
        return html.substring(start, html.indexOf(close, start));
    }

    private static int count(String html, String part) {
        return html.split(Pattern.quote(part), -1).length - 1;
    }

    private static @Nullable Chart chart(List<Chart> charts, String title) {
        return charts.stream()
                .filter(chart -> chart.title().equals(title))
                .findFirst()
                .orElse(null);
    }

    @Test
    void hostileTextStaysText() throws IOException {
        String html = ReportHtml.render(report(HOSTILE, dpoRun(3)));
        String harmless = ReportHtml.render(report("harmless", dpoRun(3)));

        assertThat(html)
                .doesNotContain("<img", "\u2028alert", "\u0000")
                .contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;")
                .contains("{{data}}");
        for (String tag : List.of("<script", "</script", "<!--", "<p", "<div", "</div>", "<style", "</title>")) {
            assertThat(count(html, tag)).as(tag).isEqualTo(count(harmless, tag));
        }
    }

    @Test
    void hostileChartTextCannotEndTheDataElement() throws IOException {
        Chart chart = new Chart(
                HOSTILE,
                HOSTILE,
                HOSTILE,
                new Chart.Baseline(0, HOSTILE),
                List.of(
                        new Chart.Series(HOSTILE, Chart.Tone.MAIN, HOSTILE, false, List.of(new Chart.Point(1, 2))),
                        new Chart.Series("b", Chart.Tone.CHOSEN, "train", true, List.of(new Chart.Point(1, 2)))));
        Report report = new Report(
                "t",
                "",
                List.of(),
                List.of(),
                List.of(new Report.Section("s", "", List.of(chart))),
                null,
                RunManifestTest.begun());

        String html = ReportHtml.render(report);

        assertThat(html).doesNotContain("<img");
        assertThat(between(html, DATA, "</script>")).doesNotContain("<", ">", "&", "\u2028", "\u2029");
        assertThat(data(html).get(0).path("series").get(0).path("label").asText())
                .isEqualTo(HOSTILE + ", " + HOSTILE);
    }

    @Test
    void asksForNothingOutsideTheFile() throws IOException {
        String html = ReportHtml.render(report("text", dpoRun(30)));

        assertThat(html)
                .doesNotContainPattern("(?i)(src|href|action|srcset|poster)\\s*=\\s*[\"']?\\s*(https?:|//)")
                .doesNotContainPattern("(?i)@import|\\burl\\(|sourceMappingURL|<link(?! rel=\"icon\" href=\"data:,\")")
                .contains("default-src 'none'");
    }

    @Test
    void thePolicyAllowsExactlyTheScriptsAndTheStyleInTheFile() throws IOException, NoSuchAlgorithmException {
        String html = ReportHtml.render(report("text", dpoRun(3)));

        String policy = between(html, "Content-Security-Policy\" content=\"", "\"");
        int inline = 0;
        Matcher element =
                Pattern.compile("<(script|style)>(.*?)</\\1>", Pattern.DOTALL).matcher(html);
        while (element.find()) {
            byte[] source = element.group(2).getBytes(StandardCharsets.UTF_8);
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(source);
            assertThat(policy).contains("'sha256-" + Base64.getEncoder().encodeToString(digest) + "'");
            inline++;
        }
        assertThat(inline).isEqualTo(3);
        assertThat(count(policy, "sha256-")).isEqualTo(3);
        assertThat(policy).doesNotContain("unsafe");
    }

    @Test
    void carriesTheChartLibraryWithItsLicence() throws IOException {
        assertThat(ReportHtml.render(report("text", dpoRun(3))))
                .contains("Chart.js v4.5.1", "The MIT License (MIT)", "Copyright (c) 2014-2024 Chart.js Contributors");
    }

    @Test
    void theSameReportGivesTheSameBytes(@TempDir Path folder) throws IOException {
        Path path = folder.resolve("report.html");

        ReportHtml.write(path, report("text", dpoRun(700)));

        assertThat(path).hasContent(ReportHtml.render(report("text", dpoRun(700))));
    }

    @Test
    void aPreferenceRunHasAllItsChartsWithEvalOnTheSameAxes() {
        List<Chart> charts = TrainingCharts.of(dpoRun(10));

        assertThat(charts.stream().map(Chart::title))
                .containsExactly(
                        "Loss",
                        "Reward margin",
                        "Reward accuracy",
                        "Implicit rewards",
                        "Log-probabilities",
                        "Learning rate",
                        "Gradient norm",
                        "Pairs per second");
        assertThat(chart(charts, "Loss"))
                .isNotNull()
                .satisfies(chart -> assertThat(chart.series().stream().map(Chart.Series::split))
                        .containsExactly("train", "eval"));
        assertThat(chart(charts, "Implicit rewards"))
                .isNotNull()
                .satisfies(chart -> assertThat(chart.series().stream().map(s -> s.name() + " " + s.split()))
                        .containsExactly("chosen train", "rejected train", "chosen eval"));
    }

    @Test
    void aFineTuningRunHasNoPreferenceCharts() {
        List<MetricsLine> lines =
                List.of(new MetricsLine("train", 1, List.of(new Metric("loss", 4), new Metric("learning_rate", 1e-5))));

        assertThat(TrainingCharts.of(lines).stream().map(Chart::title)).containsExactly("Loss", "Learning rate");
        assertThat(TrainingCharts.of(lines).getFirst().unit()).isEqualTo("nats a token");
    }

    @Test
    void aMetricThatIsNeverANumberHasNoChart() {
        assertThat(TrainingCharts.of(List.of(new MetricsLine("train", 1, List.of(new Metric("loss", Double.NaN))))))
                .isEmpty();
    }

    @Test
    void aSinglePointAndNoPointAtAllAreDrawn() throws IOException {
        JsonNode one = data(ReportHtml.render(report("text", dpoRun(1))));
        assertThat(one.get(5).toString())
                .isEqualTo(
                        "{\"series\":[{\"label\":\"train\",\"tone\":\"main\",\"line\":\"solid\",\"points\":[1,5.0E-7]}]}");

        assertThat(data(ReportHtml.render(report("text", List.of())))).isEmpty();
    }

    @Test
    void tenThousandStepsAreThinnedAndSmoothedAndGapsAreNull() throws IOException {
        String html = ReportHtml.render(report("text", dpoRun(10_000)));

        JsonNode loss = data(html).get(0).path("series").get(0);
        assertThat(loss.path("points").size()).isLessThan(2 * 1000);
        assertThat(loss.path("average").size()).isPositive();
        assertThat(loss.path("points").get(0).asLong()).isEqualTo(1);
        assertThat(loss.path("points").toString()).contains(",5,null,");
        assertThat(html).hasSizeLessThan(600_000);
    }

    @Test
    void rankingsHaveTheirSpeedToo() {
        List<Metric> metrics = List.of(new Metric("rankings_per_second", 3));
        assertThat(TrainingCharts.of(List.of(new MetricsLine(MetricsLine.TRAIN, 1, metrics))))
                .extracting(Chart::title)
                .containsExactly("Rankings per second");
    }

    @Test
    void chartsAreDescribedToWhoCannotSeeThem() throws IOException {
        assertThat(ReportHtml.render(report("text", dpoRun(10))))
                .contains("aria-label=\"Reward margin by step. train from 0.1 at step 1 to 1 at step 10.\"");
    }

    @Test
    void samplesShowTheirScoresAndWhichWayTheyWent() throws IOException {
        assertThat(ReportHtml.render(report("reward", List.of())))
                .contains("<span class=\"badge\">reward 0.25</span>")
                .contains("<span class=\"badge better\">reward 1 ▲ +0.75</span>");
    }
}
