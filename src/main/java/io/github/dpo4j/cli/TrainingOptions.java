package io.github.dpo4j.cli;

import io.github.dpo4j.UserError;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.recipe.BatchSettings;
import io.github.dpo4j.recipe.LengthLimit;
import io.github.dpo4j.recipe.MemoryPlan;
import io.github.dpo4j.recipe.RunFolder;
import io.github.dpo4j.recipe.TrainingSettings;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.train.OptimizerSettings;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options that sft and dpo share; names and defaults are TRL's. */
final class TrainingOptions {
    @Option(names = "--config", paramLabel = "FILE", description = "YAML file with the same keys; flags win over it")
    @Nullable
    Path config;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "MODEL",
            description = "Hugging Face model folder to train")
    Path model = Path.of("");

    @Option(
            names = "--dataset",
            required = true,
            arity = "1..*",
            paramLabel = "DATA",
            description = "files (.jsonl, .json, .gz), globs or folders")
    List<String> datasets = new ArrayList<>();

    @Option(
            names = "--eval-dataset",
            arity = "1..*",
            paramLabel = "DATA",
            description = "held-out data, evaluated and never trained on")
    List<String> evalDatasets = new ArrayList<>();

    @Option(
            names = "--output",
            paramLabel = "FOLDER",
            description = "folder of the run: model/, checkpoints/, metrics.jsonl, run.json, report.html (default:"
                    + " runs/COMMAND)")
    @Nullable
    Path output;

    @Option(
            names = "--truncation-mode",
            paramLabel = "MODE",
            defaultValue = "keep_start",
            description = "what is kept of what is longer than --max-length: keep_start or keep_end (default:"
                    + " ${DEFAULT-VALUE})")
    String truncationMode = "keep_start";

    @Option(
            names = "--max-length",
            paramLabel = "N",
            description =
                    "tokens of prompt and completion, or none (default: 1024, or what the model was made for if that is less)")
    @Nullable
    String maxLength;

    @Option(
            names = "--per-device-train-batch-size",
            paramLabel = "N",
            defaultValue = "8",
            description = "examples of an optimizer step, before accumulation (default: ${DEFAULT-VALUE})")
    int batchSize;

    @Option(
            names = "--gradient-accumulation-steps",
            paramLabel = "N",
            defaultValue = "1",
            description = "multiplies the examples of an optimizer step (default: ${DEFAULT-VALUE})")
    int accumulationSteps;

    @Option(
            names = "--tokens-per-micro-batch",
            paramLabel = "N",
            description = "packed tokens of one forward and backward at most; it bounds memory and"
                    + " changes results by rounding only (default: 512 to 1024, by free memory)")
    @Nullable
    Integer tokensPerMicroBatch;

    @Option(
            names = "--activation-checkpointing",
            paramLabel = "WHEN",
            defaultValue = "auto",
            description = "on: backward computes activations again, which saves memory, costs time and changes no bit;"
                    + " off; auto: on where the run does not fit otherwise (default: ${DEFAULT-VALUE})")
    String activationCheckpointing = "auto";

    @Option(
            names = "--memory",
            description = "print what the run would take of memory, and end: nothing is loaded, trained or written")
    boolean memory;

    @Option(
            names = "--learning-rate",
            paramLabel = "RATE",
            description = "peak learning rate (default: 1e-6 for dpo, 2e-5 for sft)")
    @Nullable
    Double learningRate;

    @Option(
            names = "--lr-scheduler-type",
            paramLabel = "NAME",
            defaultValue = "linear",
            description = "linear, cosine, constant or constant_with_warmup (default: ${DEFAULT-VALUE})")
    String schedule = "linear";

    @Option(names = "--warmup-steps", paramLabel = "N", description = "steps of rising learning rate")
    @Nullable
    Long warmupSteps;

    @Option(
            names = "--warmup-ratio",
            paramLabel = "SHARE",
            defaultValue = "0",
            description = "the same as a share of all steps (default: ${DEFAULT-VALUE})")
    double warmupRatio;

    @Option(names = "--max-steps", paramLabel = "N", description = "optimizer steps; wins over the epochs")
    @Nullable
    Long maxSteps;

    @Option(
            names = "--num-train-epochs",
            paramLabel = "N",
            defaultValue = "3",
            description = "passes over the data (default: ${DEFAULT-VALUE})")
    double epochs;

    @Option(
            names = "--optim",
            paramLabel = "NAME",
            defaultValue = "adamw",
            description = "adamw or rmsprop (default: ${DEFAULT-VALUE})")
    String optim = "adamw";

    @Option(
            names = "--weight-decay",
            paramLabel = "RATE",
            defaultValue = "0",
            description = "for matrices, not biases and norms (default: ${DEFAULT-VALUE})")
    double weightDecay;

    @Option(
            names = "--max-grad-norm",
            paramLabel = "NORM",
            defaultValue = "1",
            description = "clips the gradient's L2 norm; 0 for no clipping (default: ${DEFAULT-VALUE})")
    double maxGradNorm;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "42",
            description = "of the data's order, a new adapter's first weights, and dropout (default: ${DEFAULT-VALUE})")
    long seed;

    @Option(names = "--no-shuffle", description = "keep the data in file order")
    boolean noShuffle;

    @Option(
            names = "--logging-steps",
            paramLabel = "N",
            defaultValue = "10",
            description = "steps of a line of metrics.jsonl (default: ${DEFAULT-VALUE})")
    long loggingSteps;

    @Option(
            names = "--eval-steps",
            paramLabel = "N",
            defaultValue = "0",
            description = "steps between evaluations; 0 for one at the end (default: ${DEFAULT-VALUE})")
    long evalSteps;

    @Option(
            names = "--save-steps",
            paramLabel = "N",
            defaultValue = "500",
            description = "steps between checkpoints; 0 for none but on a signal (default: ${DEFAULT-VALUE})")
    long saveSteps;

    @Option(
            names = "--save-total-limit",
            paramLabel = "N",
            defaultValue = "0",
            description = "checkpoints kept; 0 for all (default: ${DEFAULT-VALUE})")
    int saveTotalLimit;

    @Option(
            names = "--save-dtype",
            paramLabel = "TYPE",
            description =
                    "float32, bfloat16 or float16 of what is written (default: as the model's files; float32 for an adapter)")
    @Nullable
    String saveDtype;

    @Option(names = "--resume", description = "continue the run in --output from its last checkpoint")
    boolean resume;

    @Option(names = "--overwrite", description = "replace the run in --output")
    boolean overwrite;

    @Option(
            names = "--on-bad-row",
            paramLabel = "WHAT",
            defaultValue = "fail",
            description = "fail, or skip into a side file (default: ${DEFAULT-VALUE})")
    String onBadRow = "fail";

    @Spec(Spec.Target.MIXEE)
    @Nullable
    CommandSpec command;

    @Mixin
    LoraOptions lora = new LoraOptions();

    @Mixin
    TorchOptions torch = new TorchOptions();

    TrainingSettings settings(String name, double usualLearningRate) {
        if (evalSteps > 0 && evalDatasets.isEmpty()) {
            throw new UserError("--eval-steps is set, but there is no --eval-dataset to evaluate on");
        }
        Device device = torch.start();
        return new TrainingSettings(
                new BatchSettings(
                        batchSize,
                        accumulationSteps,
                        tokensPerMicroBatch(),
                        Parsing.checkpointing(activationCheckpointing)),
                optional(maxSteps),
                epochs,
                learningRate == null ? usualLearningRate : learningRate,
                schedule,
                optional(warmupSteps),
                warmupRatio,
                optimizer(),
                maxGradNorm,
                seed,
                !noShuffle,
                loggingSteps,
                evalSteps,
                saveSteps,
                saveTotalLimit,
                torch.computeType(device, resume ? Optional.of(output(name)) : Optional.empty()),
                device,
                lora.choice());
    }

    /** Prints the plan of a run's memory and returns the exit code. */
    int print(MemoryPlan plan) {
        PrintWriter out = Objects.requireNonNull(command).commandLine().getOut();
        out.print(plan.table());
        out.flush();
        plan.requireFits();
        return 0;
    }

    private OptionalInt tokensPerMicroBatch() {
        return tokensPerMicroBatch == null ? OptionalInt.empty() : OptionalInt.of(tokensPerMicroBatch);
    }

    private static OptionalLong optional(@Nullable Long value) {
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    private OptimizerSettings optimizer() {
        return switch (optim) {
            case "adamw" -> new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, weightDecay);
            case "rmsprop" -> new OptimizerSettings.RmsProp(0.99, 1e-8, weightDecay);
            default -> throw new UserError("--optim " + optim + " is unknown; it is adamw or rmsprop");
        };
    }

    Path output(String command) {
        return output == null ? Path.of("runs", command) : output;
    }

    RunFolder.Start start() {
        if (resume && overwrite) {
            throw new UserError("--resume and --overwrite exclude each other");
        }
        return resume ? RunFolder.Start.RESUME : overwrite ? RunFolder.Start.OVERWRITE : RunFolder.Start.FRESH;
    }

    LengthLimit maxLength() {
        return Parsing.length(maxLength);
    }

    OnBadRow onBadRow() {
        return Parsing.onBadRow(onBadRow);
    }

    Optional<DType> saveDtype() {
        return Optional.ofNullable(saveDtype).map(Parsing::dtype);
    }
}
