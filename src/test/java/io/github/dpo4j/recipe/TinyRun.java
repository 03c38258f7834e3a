package io.github.dpo4j.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.objective.TrainedLoss;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.safetensors.Sha256;
import io.github.dpo4j.text.TruncationMode;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.Threads;
import io.github.dpo4j.train.OptimizerSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A run on a golden model and ten short pairs; a test changes the fields that it is about. */
public final class TinyRun {
    /** Ten pairs of some dozen tokens: an epoch of 2 x 2 examples a step is two and a half steps. */
    public static final int PAIRS = 10;

    private static final ObjectMapper JSON = new ObjectMapper();

    public Path model = golden("llama/policy");
    public Optional<Path> reference = Optional.empty();
    public Path dataset;
    public Path output;
    public RunFolder.Start start = RunFolder.Start.FRESH;
    public int batchSize = 2;
    public int accumulationSteps = 2;
    /** Two or three of the pairs. */
    public OptionalInt tokensPerMicroBatch = OptionalInt.of(100);

    public ActivationCheckpointing checkpointing = ActivationCheckpointing.AUTO;
    public long maxSteps = 8;
    public double learningRate = 1e-3;
    public double maxGradNorm = 1;
    public long seed = 42;
    public long loggingSteps = 3;
    public long evalSteps = 4;
    public long saveSteps;
    public int saveTotalLimit;
    public ComputeType computeType = ComputeType.FLOAT32;
    public TrainedLoss loss = new LossMix(List.of(new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0), 1)));
    public double beta = 0.1;
    public ReferenceStorage referenceStorage;
    public RunObserver observer = RunObserver.silent();
    public AdapterChoice adapter = AdapterChoice.NONE;
    public OptimizerSettings optimizer = new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, 0.01);

    public TinyRun(Path dataset, Path output) {
        this.dataset = dataset;
        this.output = output;
        this.referenceStorage = new ReferenceStorage.Auto(output.resolveSibling("reference-logps"));
    }

    /** Returns a path below the golden models. */
    public static Path golden(String path) {
        String name = "/golden/" + path;
        return Path.of(URI.create(
                Objects.requireNonNull(TinyRun.class.getResource(name), name).toString()));
    }

    /** Writes {@code count} pairs to {@code file}. */
    public static Path pairs(Path file, int count) throws IOException {
        List<String> lines = new ArrayList<>();
        String[] animals = {"dog", "cat", "bird", "fish", "frog"};
        for (int i = 0; i < count; i++) {
            ObjectNode row = JSON.createObjectNode();
            row.put("prompt", "The little " + animals[i % animals.length] + " number " + i);
            row.put("chosen", " was happy and played " + "again ".repeat(1 + i % 3));
            row.put("rejected", " was sad" + " alone".repeat(i % 4));
            lines.add(row.toString());
        }
        return Files.write(file, lines);
    }

    public RunStatus dpo() throws IOException {
        return dpo(() -> false);
    }

    public RunStatus dpo(StopRequest stop) throws IOException {
        Threads.set(1);
        DpoSettings settings = new DpoSettings(
                model,
                reference,
                List.of(dataset.toString()),
                List.of(dataset.toString()),
                output,
                start,
                loss,
                List.of("sigmoid"),
                beta,
                false,
                referenceStorage,
                new PairSource(new LengthLimit.Usual(), OptionalInt.empty(), TruncationMode.KEEP_START, OnBadRow.FAIL),
                Optional.empty(),
                training());
        return new DpoRecipe(settings, observer, stop, Clock.systemUTC()).run();
    }

    public RunStatus sft(StopRequest stop) throws IOException {
        Threads.set(1);
        SftSettings settings = new SftSettings(
                model,
                List.of(dataset.toString()),
                List.of(dataset.toString()),
                output,
                start,
                new LengthLimit.Usual(),
                TruncationMode.KEEP_START,
                OnBadRow.FAIL,
                Optional.empty(),
                training());
        return new SftRecipe(settings, RunObserver.silent(), stop, Clock.systemUTC()).run();
    }

    private TrainingSettings training() {
        return new TrainingSettings(
                new BatchSettings(batchSize, accumulationSteps, tokensPerMicroBatch, checkpointing),
                OptionalLong.of(maxSteps),
                3,
                learningRate,
                "cosine",
                OptionalLong.of(2),
                0,
                optimizer,
                maxGradNorm,
                seed,
                true,
                loggingSteps,
                evalSteps,
                saveSteps,
                saveTotalLimit,
                computeType,
                Device.CPU,
                adapter);
    }

    /** Asks for a stop after {@code steps} steps. */
    public static StopRequest stopAfter(int steps) {
        int[] made = {0};
        return () -> ++made[0] >= steps;
    }

    /** Returns the lines of metrics.jsonl without the keys that tell of time. */
    public static List<JsonNode> metrics(Path run) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            ObjectNode node = (ObjectNode) JSON.readTree(line);
            node.remove(List.of("step_seconds", "pairs_per_second", "sequences_per_second", "tokens_per_second"));
            lines.add(node);
        }
        return lines;
    }

    /** Returns the hashes of the final weights and of the weights and optimizer states of the checkpoint at {@code step}. */
    public static List<String> bits(Path run, long step) throws IOException {
        Path checkpoint = run.resolve("checkpoints/step-" + step);
        return List.of(
                Sha256.of(run.resolve("model/model.safetensors")),
                Sha256.of(checkpoint.resolve("weights.safetensors")),
                Sha256.of(checkpoint.resolve("optimizer.safetensors")));
    }

    /** Returns every file below {@code folder} by its relative path, with its hash. */
    public static Map<String, String> contents(Path folder) throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                files.put(folder.relativize(file).toString(), Sha256.of(file));
            }
        }
        return files;
    }

    /** Returns the names of files and folders below {@code folder} that only a write under way may have. */
    public static List<String> temporaries(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.map(path -> path.getFileName().toString())
                    .filter(name -> name.endsWith(".tmp") || name.startsWith(".dpo4j"))
                    .toList();
        }
    }
}
