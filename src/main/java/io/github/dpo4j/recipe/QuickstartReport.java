package io.github.dpo4j.recipe;

import io.github.dpo4j.data.PromptExample;
import io.github.dpo4j.evaluate.Lexicon;
import io.github.dpo4j.report.MetricsLog;
import io.github.dpo4j.report.Report;
import io.github.dpo4j.report.ReportHtml;
import io.github.dpo4j.report.RunManifest;
import io.github.dpo4j.report.TrainingCharts;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The quickstart's report.html: both trainings' curves, the closing numbers, and completions side by side. */
record QuickstartReport(
        RunFolder folder,
        QuickstartResult result,
        Lexicon lexicon,
        List<SampledCompletion> before,
        List<SampledCompletion> after) {
    private static final int SHOWN = 12;

    void write() throws IOException {
        Path sft = folder.path().resolve("sft");
        Path dpo = folder.path().resolve("dpo");
        List<Report.Tile> tiles = List.of(
                tile(
                        "held-out reward accuracy",
                        "%.1f %%",
                        100 * result.accuracy(),
                        "pairs of other openings; chance is 50 %"),
                tile("held-out reward margin", "%.2f", result.margin(), "chosen minus rejected, beta x log-ratio"),
                new Report.Tile(
                        "mean happiness",
                        String.format(
                                Locale.ROOT, "%.2f → %.2f", result.happinessAfterSft(), result.happinessAfterDpo()),
                        String.format(
                                Locale.ROOT,
                                "lexicon score after SFT → after DPO; %.2f for the model as it came",
                                result.happinessAtStart())),
                tile("KL to the reference", "%.1f nats", result.kl().mean(), "a completion, sampled"),
                tile("time", "%.0f s", result.seconds(), "training and evaluation"));
        ReportHtml.write(
                folder.report(),
                new Report(
                        "Happier stories",
                        "dpo4j quickstart: SFT, DPO and evaluation of stories15M on held-out openings",
                        tiles,
                        List.of(),
                        List.of(
                                TrainingCharts.section("DPO", MetricsLog.read(dpo.resolve("metrics.jsonl"))),
                                TrainingCharts.section("SFT", MetricsLog.read(sft.resolve("metrics.jsonl")))),
                        samples(),
                        RunManifest.read(dpo.resolve("run.json"))));
    }

    private static Report.Tile tile(String label, String format, double value, String note) {
        return new Report.Tile(label, String.format(Locale.ROOT, format, value), note);
    }

    /** The first completion of every n-th opening: chosen by place, not by score. */
    private Report.Samples samples() {
        List<Report.Sample> samples = new ArrayList<>();
        int stride = Math.max(1, before.size() / SHOWN);
        for (int i = 0; i < before.size() && samples.size() < SHOWN; i += stride) {
            String opening = switch (before.get(i).prompt()) {
                case PromptExample.Plain plain -> plain.prompt();
                case PromptExample.Chat chat -> chat.messages().toString();
            };
            String left = before.get(i).sample().text();
            String right = after.get(i).sample().text();
            samples.add(new Report.Sample(opening, left, right, lexicon.score(left), lexicon.score(right)));
        }
        return new Report.Samples(
                "Held-out openings, every so many of them whatever their scores, completed with the same seeds.",
                "after SFT",
                "after DPO",
                "happiness",
                samples);
    }
}
