package io.github.dpo4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.recipe.TinyRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What only a process of its own can show: signals, a killed run, a disk that is full, standard output. */
@Timeout(120)
class ProcessTest {
    private static final int STEPS = 120;

    private final Path folder;
    private Path data = Path.of("");

    ProcessTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path shared;

    /** The run that nothing stops. */
    @BeforeAll
    static void runToTheEnd() throws IOException {
        Path pairs = TinyRun.pairs(shared.resolve("pairs.jsonl"), TinyRun.PAIRS);
        Cli.run(dpo(pairs, shared.resolve("whole"), STEPS), "--save-steps=" + STEPS)
                .isDone();
    }

    @BeforeEach
    void writeData() throws IOException {
        data = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
    }

    private List<String> dpo(Path output, int steps) {
        return dpo(data, output, steps);
    }

    private static List<String> dpo(Path data, Path output, int steps) {
        return List.of(
                "dpo",
                "--model=" + TinyRun.golden("llama/policy"),
                "--dataset=" + data,
                "--output=" + output,
                "--max-steps=" + steps,
                "--per-device-train-batch-size=2",
                "--gradient-accumulation-steps=2",
                "--learning-rate=1e-4",
                "--logging-steps=3",
                "--dtype=float32",
                "--threads=1");
    }

    private Process start(List<String> prefix, List<String> args, String... more) throws IOException {
        List<String> command = new ArrayList<>(prefix);
        String testClassPath = System.getProperty("surefire.test.class.path");
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + Path.of(System.getProperty("basedir", ""), "target", "jvm.flags"),
                "-cp",
                testClassPath == null ? Objects.requireNonNull(System.getProperty("java.class.path")) : testClassPath,
                Main.class.getName()));
        command.addAll(args);
        command.addAll(Arrays.asList(more));
        return new ProcessBuilder(command)
                .redirectError(folder.resolve("stderr").toFile())
                .redirectOutput(folder.resolve("stdout").toFile())
                .start();
    }

    private String stderr() throws IOException {
        return Files.readString(folder.resolve("stderr"));
    }

    /** Waits until the run has written {@code lines} lines of metrics. */
    private void awaitMetrics(Process process, Path run, int lines) throws IOException, InterruptedException {
        Path metrics = run.resolve("metrics.jsonl");
        while (!Files.exists(metrics) || Files.readAllLines(metrics).size() < lines) {
            assertThat(process.isAlive()).as(stderr()).isTrue();
            process.waitFor(10, TimeUnit.MILLISECONDS);
        }
    }

    /** Resumes what is in {@code cut} and holds it to a run that nothing stopped. */
    private void resumesToTheBitsOfAWholeRun(Path cut) throws IOException {
        Path whole = shared.resolve("whole");
        Cli.run(dpo(cut, STEPS), "--save-steps=" + STEPS, "--resume").isDone();
        assertThat(TinyRun.bits(cut, STEPS)).isEqualTo(TinyRun.bits(whole, STEPS));
        assertThat(TinyRun.metrics(cut)).isEqualTo(TinyRun.metrics(whole));
    }

    @Test
    void aRunKilledBetweenCheckpointsResumesToTheSameBits() throws IOException, InterruptedException {
        Path cut = folder.resolve("cut");
        Process process = start(List.of(), dpo(cut, STEPS), "--save-steps=10");
        awaitMetrics(process, cut, 5);
        process.destroyForcibly();
        assertThat(process.waitFor()).isEqualTo(137);
        assertThat(cut.resolve("model")).doesNotExist();
        assertThat(cut.resolve("checkpoints/step-10/manifest.json")).exists();
        resumesToTheBitsOfAWholeRun(cut);
    }

    @Test
    void sigtermEndsARunWithACheckpointAndExitCode143() throws IOException, InterruptedException {
        Path cut = folder.resolve("cut");
        Process process = start(List.of(), dpo(cut, STEPS));
        awaitMetrics(process, cut, 2);
        process.destroy();
        assertThat(process.waitFor()).as(stderr()).isEqualTo(143);
        assertThat(stderr()).contains("stopped after step", "continue with --resume");
        assertThat(TinyRun.temporaries(cut)).isEmpty();
        resumesToTheBitsOfAWholeRun(cut);
    }

    @Test
    void sigintEndsARunWithACheckpointAndExitCode130() throws IOException, InterruptedException {
        Path cut = folder.resolve("cut");
        // A shell that starts a job in the background makes it ignore SIGINT, and so do its children: undo that.
        List<String> prefix =
                System.getProperty("os.name", "").equals("Linux") ? List.of("env", "--default-signal=INT") : List.of();
        Process process = start(prefix, dpo(cut, STEPS));
        awaitMetrics(process, cut, 2);
        new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
        assertThat(process.waitFor()).as(stderr()).isEqualTo(130);
        assertThat(stderr()).contains("stopped after step", "continue with --resume");
        assertThat(cut.resolve("checkpoints")).isNotEmptyDirectory();
    }

    /** A limit on the size of a file fails a write half-way, as a full disk does, without root and everywhere. */
    private static List<String> filesUpTo(int kibibytes) {
        return List.of("bash", "-c", "ulimit -f " + kibibytes + "; exec \"$@\"", "bash");
    }

    private void isOneSentenceAbout(Process process, String what) throws IOException, InterruptedException {
        assertThat(process.waitFor()).as(stderr()).isIn(1, 2);
        assertThat(stderr()).contains(what, "File too large").doesNotContain("\tat ");
        assertThat(stderr().lines().filter(line -> line.startsWith("dpo4j: "))).hasSize(1);
    }

    @Test
    void aCheckpointThatDoesNotFitLeavesTheOneBeforeAndNothingElse() throws IOException, InterruptedException {
        Path cut = folder.resolve("cut");
        Process process = start(List.of(), dpo(cut, STEPS), "--save-steps=10");
        awaitMetrics(process, cut, 5);
        process.destroy();
        process.waitFor();
        Path[] before;
        try (var checkpoints = Files.list(cut.resolve("checkpoints"))) {
            before = checkpoints.toArray(Path[]::new);
        }
        // Weights have 484 KiB, optimizer states twice that.
        Process full = start(filesUpTo(700), dpo(cut, STEPS), "--save-steps=1", "--resume");
        isOneSentenceAbout(full, "optimizer.safetensors");

        try (var checkpoints = Files.list(cut.resolve("checkpoints"))) {
            assertThat(checkpoints).containsExactlyInAnyOrder(before);
        }
        assertThat(TinyRun.temporaries(cut)).isEmpty();
        assertThat(cut.resolve("model")).doesNotExist();
        resumesToTheBitsOfAWholeRun(cut);
    }

    @Test
    void aModelThatDoesNotFitIsNotThereAtAll() throws IOException, InterruptedException {
        Path run = folder.resolve("run");
        // The JVM finds its native libraries unpacked: with this limit it could not unpack them.
        Cli.run(List.of("generate", "--model=" + TinyRun.golden("llama/policy"), "--prompt=A"), "--threads=1");
        Process full = start(filesUpTo(300), dpo(run, 2), "--save-steps=0");
        isOneSentenceAbout(full, "model.safetensors");
        assertThat(run.resolve("model")).doesNotExist();
        assertThat(TinyRun.temporaries(run)).isEmpty();
        assertThat(run.resolve("run.json")).content().contains("\"failed\"");
    }

    @Test
    void generateWritesItsLinesToStandardOutputAndProgressToStandardError() throws IOException, InterruptedException {
        Process process = start(
                List.of(),
                List.of(
                        "generate",
                        "--model=" + TinyRun.golden("llama/policy"),
                        "--prompt=The little dog",
                        "--num-return-sequences=3",
                        "--threads=1"));
        assertThat(process.waitFor()).as(stderr()).isZero();
        List<String> lines = Files.readAllLines(folder.resolve("stdout"));
        assertThat(lines).hasSize(3);
        for (String line : lines) {
            assertThat(new ObjectMapper().readTree(line).path("prompt").asText())
                    .isEqualTo("The little dog");
        }
    }
}
