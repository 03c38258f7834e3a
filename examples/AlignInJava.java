import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.recipe.ActivationCheckpointing;
import io.github.dpo4j.recipe.AdapterChoice;
import io.github.dpo4j.recipe.BatchSettings;
import io.github.dpo4j.recipe.DpoRecipe;
import io.github.dpo4j.recipe.DpoSettings;
import io.github.dpo4j.recipe.LengthLimit;
import io.github.dpo4j.recipe.PairSource;
import io.github.dpo4j.recipe.ReferenceStorage;
import io.github.dpo4j.recipe.RunFolder;
import io.github.dpo4j.recipe.RunObserver;
import io.github.dpo4j.recipe.TrainingSettings;
import io.github.dpo4j.report.MetricsLine;
import io.github.dpo4j.report.MetricsLog;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.text.TruncationMode;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.train.OptimizerSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Aligns a model from Java. Build first (mvn -DskipTests package), then with a JDK 25:
 *
 * <pre>
 * java @target/jvm.flags -cp target/dpo4j.jar examples/AlignInJava.java models/stories15M quickstart/train.jsonl runs/java
 * </pre>
 */
public final class AlignInJava {
    private AlignInJava() {}

    /** Arguments: a Hugging Face model folder, a file of preference pairs, an output folder that is new or empty. */
    public static void main(String[] args) throws IOException {
        double beta = 0.1;
        TrainingSettings training = new TrainingSettings(
                // 8 x 1 pairs a step; memory decides how they are packed and whether activations are recomputed
                new BatchSettings(8, 1, OptionalInt.empty(), ActivationCheckpointing.AUTO),
                OptionalLong.of(20), // steps
                1, // epochs, which the number of steps overrides
                5e-5, // peak learning rate
                "linear",
                OptionalLong.of(2), // warm-up steps
                0, // warm-up as a share of all steps
                new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, 0),
                1, // largest gradient norm
                42, // seed of the data's order
                true, // shuffle
                5, // steps of a line of metrics.jsonl
                0, // steps between evaluations: only at the end
                0, // steps between checkpoints: none
                0, // checkpoints kept: all
                ComputeType.FLOAT32,
                Device.CPU,
                AdapterChoice.NONE); // all weights are trained
        DpoSettings settings = new DpoSettings(
                Path.of(args[0]),
                Optional.empty(), // the reference is the policy's own start
                List.of(args[1]),
                List.of(), // no held-out pairs
                Path.of(args[2]),
                RunFolder.Start.FRESH,
                new LossMix(List.of(new LossMix.Term(new PreferenceLoss.Sigmoid(beta, 0), 1))),
                List.of("sigmoid"),
                beta,
                false, // not reference_free
                new ReferenceStorage.Live(), // its logps on every batch
                new PairSource(
                        new LengthLimit.AtMost(128), OptionalInt.empty(), TruncationMode.KEEP_START, OnBadRow.FAIL),
                Optional.empty(), // write the dtype that the model's files have
                training);

        RunStatus status = new DpoRecipe(settings, RunObserver.silent(), () -> false, Clock.systemUTC()).run();

        MetricsLine last =
                MetricsLog.read(Path.of(args[2], "metrics.jsonl")).getLast();
        System.out.printf(
                "%s: loss %.4f, reward margin %.4f after %d steps%n",
                status, last.value("loss"), last.value("rewards/margins"), last.step());
    }
}
