package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.checkpoint.Checkpoints;
import io.github.dpo4j.checkpoint.TrainState;
import io.github.dpo4j.file.Folders;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.ModelWeights;
import io.github.dpo4j.model.ModelWriter;
import io.github.dpo4j.model.lora.AdapterWriter;
import io.github.dpo4j.report.HashedFile;
import io.github.dpo4j.report.Metric;
import io.github.dpo4j.report.MetricsLine;
import io.github.dpo4j.report.MetricsLog;
import io.github.dpo4j.report.ModelCard;
import io.github.dpo4j.report.Report;
import io.github.dpo4j.report.ReportHtml;
import io.github.dpo4j.report.RunManifest;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.report.Setting;
import io.github.dpo4j.report.TrainingCharts;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.torch.Threads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What a training run leaves behind beside its metrics: run.json, the model with its card, report.html. */
final class RunRecord {
    /** Settings that change where or how often something is written, but no number of the run. */
    private static final Set<String> FREE = Set.of(
            "model",
            "reference_model",
            "dataset",
            "eval_dataset",
            "output",
            ActivationCheckpointing.SETTING,
            "reference_logps_dir",
            "reference_logps_stores",
            "save_steps",
            "save_total_limit",
            "save_dtype",
            "merge_lora");

    private final RunFolder folder;
    private final List<String> notes;
    private final Clock clock;
    private final TrainingSettings training;
    private final Map<String, String> identity;
    private RunManifest manifest;

    RunRecord(
            String command,
            RunFolder folder,
            List<Setting> settings,
            TrainingSettings training,
            List<HashedFile> inputs,
            List<String> notes,
            Clock clock) {
        this.folder = folder;
        this.training = training;
        this.clock = clock;
        this.notes = List.copyOf(notes);
        this.identity = identity(settings, inputs, Threads.count());
        this.manifest = RunManifest.started(
                command,
                settings,
                Provenance.environment(training.device()),
                List.of(new RunManifest.Seed("seed", training.seed())),
                inputs,
                clock);
    }

    /** What must be the same for a resumed run to give the same bits: settings, contents of inputs, threads. */
    private static Map<String, String> identity(List<Setting> settings, List<HashedFile> inputs, int threads) {
        Map<String, String> identity = new LinkedHashMap<>();
        for (Setting setting : settings) {
            if (!FREE.contains(setting.name())) {
                identity.put(
                        setting.name(),
                        setting.value().isTextual()
                                ? setting.value().asText()
                                : setting.value().toString());
            }
        }
        int number = 0;
        for (HashedFile input : inputs) {
            Path name = Path.of(input.path()).getFileName();
            // Numbered: two files of one name differ, and so does another order.
            identity.put(input.role() + " " + name + " sha256 (input " + ++number + ")", input.sha256());
        }
        identity.put("threads", Integer.toString(threads));
        return identity;
    }

    Checkpoints checkpoints() {
        return new Checkpoints(folder.checkpoints(), identity);
    }

    /** Runs the loop and writes what belongs to how it ended; a resumption that is refused leaves all as it was. */
    RunStatus conclude(
            TrainingLoop loop,
            CausalLm policy,
            ModelFolder source,
            Optional<DType> saveDtype,
            boolean chat,
            ModelCard.Method method,
            long examples)
            throws IOException {
        try (RunLock _ = RunLock.of(folder.path())) {
            return concludeAlone(loop, policy, source, saveDtype, chat, method, examples);
        }
    }

    private RunStatus concludeAlone(
            TrainingLoop loop,
            CausalLm policy,
            ModelFolder source,
            Optional<DType> saveDtype,
            boolean chat,
            ModelCard.Method method,
            long examples)
            throws IOException {
        if (folder.resuming() && isFinished(loop)) {
            return RunStatus.FINISHED;
        }
        TrainState start = loop.restore();
        folder.clear();
        manifest.write(folder.manifest());
        loop.stopRequested().trainingBegins();
        try {
            RunStatus status = loop.run(start);
            if (status == RunStatus.FINISHED) {
                writeModel(policy, source, saveDtype, chat, method, examples, loop.totalSteps());
            }
            end(status, source);
            return status;
        } catch (IOException | RuntimeException | Error e) {
            try {
                end(RunStatus.FAILED, source);
            } catch (IOException | RuntimeException also) {
                // A full disk fails here once more; what failed first is what the user must read.
                e.addSuppressed(also);
            }
            throw e;
        } finally {
            loop.observer().end();
            loop.stopRequested().trainingEnds();
        }
    }

    /** True if the run that is to be resumed has reached its end; one that was made with other settings is refused. */
    private boolean isFinished(TrainingLoop loop) throws IOException {
        RunManifest earlier = RunManifest.read(folder.manifest());
        if (!earlier.command().equals(manifest.command())) {
            throw new UserError("--resume: " + folder.path() + " holds a run of " + earlier.command() + ", not of "
                    + manifest.command());
        }
        Map<String, String> written = identity(
                earlier.settings(), earlier.files(), earlier.environment().threads());
        Checkpoints.refuseOtherSettings(folder.manifest(), written, identity);
        if (earlier.status() != RunStatus.FINISHED || !hasResult()) {
            return false;
        }
        loop.observer().note(folder.path() + " holds the finished run; nothing is left to train");
        return true;
    }

    private boolean hasResult() {
        boolean whole = Files.isDirectory(folder.model());
        return training.adapter().merge() ? whole : whole || Files.isDirectory(folder.adapter());
    }

    private void end(RunStatus status, ModelFolder source) throws IOException {
        manifest = manifest.ended(status, results(), clock);
        manifest.write(folder.manifest());
        writeReport(source.path());
    }

    private void writeModel(
            CausalLm policy,
            ModelFolder source,
            Optional<DType> saveDtype,
            boolean chat,
            ModelCard.Method method,
            long examples,
            long steps)
            throws IOException {
        Optional<ModelWeights.Adapted> adapted = policy.weights().adapted();
        if (adapted.isPresent()) {
            Folders.replace(folder.adapter(), target -> {
                AdapterWriter.write(adapted.get(), source, target, saveDtype.orElse(DType.F32));
                ModelWriter.copyText(source.text(), target);
                card(ModelCard.Weights.ADAPTER, source, chat, method, examples, steps)
                        .write(target);
            });
        }
        if (adapted.isEmpty() || training.adapter().merge()) {
            Folders.replace(folder.model(), target -> {
                ModelWriter.write(policy, source, target, saveDtype);
                card(ModelCard.Weights.WHOLE, source, chat, method, examples, steps)
                        .write(target);
            });
        }
    }

    private ModelCard card(
            ModelCard.Weights weights,
            ModelFolder source,
            boolean chat,
            ModelCard.Method method,
            long examples,
            long steps)
            throws IOException {
        return new ModelCard(
                folder.path().getFileName().toString(),
                weights,
                source.path().toAbsolutePath().normalize().toString(),
                null,
                method,
                manifest.files().stream()
                        .filter(file -> file.role().equals("dataset"))
                        .toList(),
                examples,
                steps,
                training.learningRate(),
                results(),
                chat,
                Provenance.version());
    }

    /** Returns the metrics of the last line of each split. */
    private List<Metric> results() throws IOException {
        Map<String, Metric> last = new LinkedHashMap<>();
        if (Files.exists(folder.metrics())) {
            for (MetricsLine line : MetricsLog.read(folder.metrics())) {
                for (Metric metric : line.metrics()) {
                    String name = line.split().equals(MetricsLine.EVAL) ? "eval/" + metric.name() : metric.name();
                    last.put(name, new Metric(name, metric.value()));
                }
            }
        }
        return List.copyOf(last.values());
    }

    private void writeReport(Path model) throws IOException {
        List<MetricsLine> lines = Files.exists(folder.metrics()) ? MetricsLog.read(folder.metrics()) : List.of();
        Map<String, Metric> results = new LinkedHashMap<>();
        manifest.results().forEach(metric -> results.put(metric.name(), metric));
        List<Report.Tile> tiles = results.values().stream()
                .filter(metric -> TILES.containsKey(metric.name()))
                .map(metric -> new Report.Tile(
                        TILES.getOrDefault(metric.name(), metric.name()),
                        String.format(Locale.ROOT, "%.4g", metric.value()),
                        ""))
                .toList();
        ReportHtml.write(
                folder.report(),
                new Report(
                        manifest.command().toUpperCase(Locale.ROOT) + " of " + model.getFileName(),
                        folder.path().toString(),
                        tiles,
                        notes,
                        List.of(TrainingCharts.section("Training", lines)),
                        null,
                        manifest));
    }

    private static final Map<String, String> TILES = Map.of(
            "loss", "training loss",
            "rewards/accuracies", "reward accuracy",
            "rewards/margins", "reward margin",
            "eval/loss", "held-out loss",
            "eval/rewards/accuracies", "held-out accuracy",
            "eval/rewards/margins", "held-out margin");
}
