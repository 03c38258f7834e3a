package io.github.dpo4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.recipe.TinyRun;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Users' mistakes: one sentence that says what, where and what to do, exit code 2, and nothing half-written. */
class MistakesTest {
    private static final String GOOD = "{\"prompt\": \"A dog\", \"chosen\": \" ran.\", \"rejected\": \" sat.\"}\n";

    private final Path folder;
    private final Path output;
    private Path data = Path.of("");

    MistakesTest(@TempDir Path folder) {
        this.folder = folder;
        this.output = folder.resolve("run");
    }

    @BeforeEach
    void writeData() throws IOException {
        data = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
    }

    private Cli dpo(String... more) {
        return command("dpo", TinyRun.golden("llama/policy"), data, more);
    }

    private Cli dpoOn(Path dataset, String... more) {
        return command("dpo", TinyRun.golden("llama/policy"), dataset, more);
    }

    private Cli dpoOf(Path model, String... more) {
        return command("dpo", model, data, more);
    }

    private Cli command(String name, Path model, Path dataset, String... more) {
        return Cli.onTiny(name, model, dataset, output, more);
    }

    private void nothingIsWritten() throws IOException {
        Cli.nothingIsWritten(output);
    }

    private Path file(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private Path copyOfModel(String family) throws IOException {
        Path copy = Files.createDirectories(folder.resolve("copy-" + family));
        Path original = TinyRun.golden(family + "/policy");
        for (String name : Objects.requireNonNull(original.toFile().list())) {
            Files.copy(original.resolve(name), copy.resolve(name));
        }
        return copy;
    }

    // Data.

    @Test
    void anEmptyFile() throws IOException {
        Path empty = file("empty.jsonl", "");
        dpoOn(empty).isMistake(empty.toString(), "holds no rows");
        nothingIsWritten();
    }

    @Test
    void aDatasetThatIsNotThere() throws IOException {
        dpoOn(folder.resolve("nowhere.jsonl")).isMistake("nowhere.jsonl");
        nothingIsWritten();
    }

    @Test
    void aTruncatedGzipFile() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
            gzip.write(GOOD.repeat(2000).getBytes(StandardCharsets.UTF_8));
        }
        Path cut = folder.resolve("cut.jsonl.gz");
        Files.write(cut, Arrays.copyOf(bytes.toByteArray(), bytes.size() / 2));
        dpoOn(cut).isMistake(cut.toString(), "truncated", "fetch it again");
        nothingIsWritten();
    }

    @Test
    void aRowWithoutRejected() throws IOException {
        Path bad = file("bad.jsonl", GOOD + "{\"prompt\": \"A\", \"chosen\": \" b\"}\n");
        dpoOn(bad).isMistake(bad + ":2", "rejected", "--on-bad-row skip");
        nothingIsWritten();
    }

    @Test
    void chosenEqualToRejected() throws IOException {
        Path bad = file("bad.jsonl", GOOD + GOOD + "{\"prompt\": \"A\", \"chosen\": \" b\", \"rejected\": \" b\"}\n");
        dpoOn(bad).isMistake(bad + ":3", "chosen", "rejected");
        nothingIsWritten();
    }

    @Test
    void invalidUtf8() throws IOException {
        Path bad = file("bad.jsonl", GOOD);
        Files.write(bad, "{\"prompt\": \"\377\"}\n".getBytes(StandardCharsets.ISO_8859_1), StandardOpenOption.APPEND);
        dpoOn(bad).isMistake(bad + ":2", "UTF-8");
        nothingIsWritten();
    }

    @Test
    void promptsThatLeaveNoRoomForACompletion() throws IOException {
        dpo("--max-length=2").isMistake("dataset: no example is left to train on", "raise --max-length");
        nothingIsWritten();
    }

    @Test
    void aSequenceLongerThanLearnedPositions() throws IOException {
        Path bad = file(
                "long.jsonl",
                GOOD + "{\"prompt\": \"" + "dog ".repeat(2000) + "\", \"chosen\": \" b\", \"rejected\": \" c\"}\n");
        command("dpo", TinyRun.golden("gpt2/policy"), bad, "--max-length=none")
                .isMistake(bad + ":2", "positions", "--max-length");
        nothingIsWritten();
    }

    @Test
    void badRowsAreSkippedIntoASideFileWhenAskedTo() throws IOException {
        Path bad = file("bad.jsonl", GOOD + "{\"prompt\": \"A\", \"chosen\": \" b\"}\n" + GOOD);
        Cli run = dpoOn(bad, "--on-bad-row=skip");
        run.isDone();
        assertThat(Files.readAllLines(output.resolve("skipped_dataset.jsonl")))
                .singleElement()
                .asString()
                .contains("\"line\":2", "rejected");
    }

    // Models.

    @Test
    void aModelThatIsNotThere() throws IOException {
        dpoOf(folder.resolve("no-model")).isMistake("no-model", "is not a folder");
        nothingIsWritten();
    }

    @Test
    void aModelWithoutTokenizer() throws IOException {
        Path model = copyOfModel("llama");
        Files.delete(model.resolve("tokenizer.json"));
        dpoOf(model).isMistake(model.toString(), "tokenizer.json");
        nothingIsWritten();
    }

    @Test
    void aModelWithoutWeights() throws IOException {
        Path model = copyOfModel("llama");
        Files.delete(model.resolve("model.safetensors"));
        dpoOf(model).isMistake(model.toString(), "safetensors");
        nothingIsWritten();
    }

    @Test
    void aModelWithTruncatedWeights() throws IOException {
        Path weights = copyOfModel("llama").resolve("model.safetensors");
        try (RandomAccessFile cut = new RandomAccessFile(weights.toFile(), "rw")) {
            cut.setLength(cut.length() - 5);
        }
        dpoOf(Objects.requireNonNull(weights.getParent())).isMistake(weights.toString());
        nothingIsWritten();
    }

    @Test
    void aWeightThatIsNotANumber() throws IOException {
        Path weights = copyOfModel("llama").resolve("model.safetensors");
        try (RandomAccessFile poisoned = new RandomAccessFile(weights.toFile(), "rw")) {
            poisoned.seek(poisoned.length() - 4);
            poisoned.write(new byte[] {0, 0, (byte) 0xc0, 0x7f});
        }
        Path model = Objects.requireNonNull(weights.getParent());
        dpoOf(model).isMistake(model.toString(), "NaN");
        nothingIsWritten();
    }

    @Test
    void aTokenizerWithIdsBeyondTheVocabulary() throws IOException {
        Path model = copyOfModel("llama");
        ObjectMapper json = new ObjectMapper();
        ObjectNode tokenizer =
                (ObjectNode) json.readTree(model.resolve("tokenizer.json").toFile());
        ObjectNode added = tokenizer.withArray("added_tokens").addObject();
        added.put("id", 768).put("content", "zebra").put("special", false);
        for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
            added.put(flag, false);
        }
        json.writeValue(model.resolve("tokenizer.json").toFile(), tokenizer);
        Path zebra = file("zebra.jsonl", GOOD + "{\"prompt\": \"A\", \"chosen\": \" zebra\", \"rejected\": \" b\"}\n");
        command("dpo", model, zebra).isMistake(zebra + ":2", "id 768", "vocabulary of 768", "tokenizer.json");
        nothingIsWritten();
    }

    @Test
    void aReferenceWithAnotherVocabulary() throws IOException {
        Path model = copyOfModel("llama");
        Path config = model.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"vocab_size\": 768", "\"vocab_size\": 700"));
        dpo("--reference-model=" + model).isMistake(model.toString(), "vocabulary of 700", "768");
        nothingIsWritten();
    }

    @Test
    void aReferenceThatIsNotThere() throws IOException {
        dpo("--reference-model=" + folder.resolve("no-model")).isMistake("no-model");
        nothingIsWritten();
    }

    // Output.

    @Test
    void anOutputFolderThatIsNotEmptyIsLeftAlone() throws IOException {
        Files.createDirectories(output);
        Files.writeString(output.resolve("thesis.txt"), "mine");
        dpo().isMistake(output + " is not empty", "thesis.txt", "--resume", "--overwrite");
        assertThat(TinyRun.contents(output)).containsOnlyKeys("thesis.txt");
    }

    @Test
    void overwritingReplacesARunAndKeepsWhatIsNotOfARun() throws IOException {
        dpo("--save-steps=1").isDone();
        Files.writeString(output.resolve("thesis.txt"), "mine");
        dpo().isMistake("is not empty");
        dpo("--overwrite", "--save-steps=0").isDone();
        assertThat(output.resolve("thesis.txt")).hasContent("mine");
        assertThat(output.resolve("checkpoints")).doesNotExist();
        assertThat(output.resolve("model/model.safetensors")).exists();
    }

    @Test
    void overwritingNeverDeletesWhatTheRunReads() throws IOException {
        dpo("--save-steps=0").isDone();
        Cli.run(List.of(
                        "dpo",
                        "--model=" + output.resolve("model"),
                        "--dataset=" + data,
                        "--output=" + output,
                        "--overwrite"))
                .isMistake("--overwrite would delete", "model");
        assertThat(output.resolve("model/model.safetensors")).exists();
    }

    @Test
    void overwritingNeedsAnEarlierRunOfOurs() throws IOException {
        Files.createDirectories(output.resolve("model"));
        Files.writeString(output.resolve("model/weights"), "somebody's");
        dpo("--overwrite").isMistake("holds no run of dpo4j");
        assertThat(output.resolve("model/weights")).hasContent("somebody's");
    }

    @Test
    void settingsThatWouldDoNothingAreRefused() throws IOException {
        dpo("--ipo-reduction=sum").isMistake("--ipo-reduction", "ipo");
        dpo("--ipo-reduction=mean").isMistake("--ipo-reduction", "ipo");
        dpo("--eval-steps=2").isMistake("--eval-steps", "--eval-dataset");
        assertThat(output).doesNotExist();
    }

    @Test
    void aMistakeFoundLateDoesNotCostTheRunThatWasToBeOverwritten() throws IOException {
        dpo("--save-steps=1").isDone();
        var before = TinyRun.contents(output);
        command("dpo", folder.resolve("no-model"), data, "--overwrite").isMistake("no-model");
        assertThat(TinyRun.contents(output)).isEqualTo(before);
    }

    @Test
    void anOutputThatIsAFile() throws IOException {
        Files.writeString(output, "a file");
        dpo().isMistake(output + " is a file", "must be a folder");
        assertThat(output).hasContent("a file");
    }

    @Test
    void anOutputThatCannotBeMade() throws IOException {
        Path file = file("a-file", "text");
        dpo("--output=" + file.resolve("run")).isMistake(file.resolve("run").toString(), "cannot be written to");
        assertThat(file).hasContent("text");
    }

    @Test
    void anOutputFileOfTokenizeThatCannotBeWritten() throws IOException {
        Path file = file("a-file", "text");
        Cli.run(List.of(
                        "tokenize",
                        "--model=" + TinyRun.golden("llama/policy"),
                        "--dataset=" + data,
                        "--output=" + file.resolve("ids.jsonl")))
                .isMistake("--output", file.resolve("ids.jsonl").toString());
    }

    // Flags and keys.

    @ParameterizedTest
    @CsvSource(quoteCharacter = '"', textBlock = """
            --learning-rte=1e-3,           did you mean --learning-rate?
            --zzzzzzzzzzzzzzzz,            --help
            --learning-rate=NaN,           learning_rate is NaN
            --learning-rate=-1,            learning_rate is -1.0
            --tokens-per-micro-batch=0,    tokens_per_micro_batch is 0
            --learning-rate=fast,          --learning-rate
            --per-device-train-batch-size=0, per_device_train_batch_size is 0
            --per-device-train-batch-size=-1, per_device_train_batch_size is -1
            --per-device-train-batch-size=1.5, --per-device-train-batch-size
            --gradient-accumulation-steps=0, gradient_accumulation_steps is 0
            --max-steps=0,                 max_steps is 0
            --max-steps=-1,                max_steps is -1
            --num-train-epochs=0,          num_train_epochs is 0.0
            --num-train-epochs=NaN,        num_train_epochs is NaN
            --warmup-steps=-1,             warmup_steps is -1
            --warmup-ratio=1.5,            warmup_ratio is 1.5
            --warmup-ratio=NaN,            warmup_ratio is NaN
            --warmup-steps=99,             warmup_steps is 99
            --weight-decay=-0.1,           weight_decay is -0.1
            --weight-decay=NaN,            weight_decay is NaN
            --max-grad-norm=-1,            max_grad_norm is -1.0
            --max-grad-norm=NaN,           max_grad_norm is NaN
            --logging-steps=0,             logging_steps is 0
            --eval-steps=-1,               eval_steps is -1
            --save-steps=-1,               save_steps is -1
            --save-total-limit=-1,         save_total_limit is -1
            --threads=-1,                  threads
            --seed=x,                      --seed
            --beta=0,                      beta is 0.0
            --beta=NaN,                    beta is NaN
            --beta=Infinity,               beta is Infinity
            --label-smoothing=0.5,         label_smoothing is 0.5
            --label-smoothing=NaN,         label_smoothing is NaN
            --max-length=1,                max_length is 1
            --max-length=long,             --max-length long
            --max-prompt-length=0,         max_prompt_length is 0
            --truncation-mode=middle,      keep_start or keep_end
            --loss=sigmoyd,                known losses are
            "--loss-weights=1,2",           --loss-weights has 2 numbers for 1 losses
            --loss-weights=NaN,            loss weight is NaN
            --optim=adam,                  adamw or rmsprop
            --lr-scheduler-type=step,      constant_with_warmup
            --dtype=float16,               float32 or bfloat16
            --save-dtype=int8,             "float32, bfloat16 or float16"
            --device=tpu,                  "cpu, cuda"
            --on-bad-row=ignore,           fail or skip
            --reference-logps=cached,      "live, stored or auto"
            """)
    void aFlagWithABadValueOrName(String flag, String says) throws IOException {
        dpo(flag).isMistake(says);
        nothingIsWritten();
    }

    @ParameterizedTest
    @CsvSource({
        "--lr-scheduler-type=constant --warmup-ratio=0.5, constant_with_warmup",
        "--warmup-steps=1 --warmup-ratio=0.5, choose one",
        "--resume --overwrite, exclude each other"
    })
    void flagsThatDoNotGoTogether(String flags, String says) throws IOException {
        dpo(flags.split(" ", -1)).isMistake(says);
        nothingIsWritten();
    }

    @ParameterizedTest
    @CsvSource({"--beta=0.1,--beta", "--loss=sigmoid,--loss", "--reference-free,--reference-free"})
    void sftTakesNoFlagOfDpo(String flag, String says) throws IOException {
        command("sft", TinyRun.golden("llama/policy"), data, flag).isMistake(says);
        nothingIsWritten();
    }

    @ParameterizedTest
    @CsvSource({
        "--temperature=-1, temperature is -1.0",
        "--temperature=NaN, temperature is NaN",
        "--top-p=0, top_p is 0.0",
        "--top-p=1.5, top_p is 1.5",
        "--top-k=-1, top_k is -1",
        "--max-new-tokens=0, max_new_tokens is 0",
        "--num-return-sequences=0, --num-return-sequences",
        "--batch-size=0, --batch-size",
        "--prompts=x, either --prompts FILE or --prompt TEXT"
    })
    void aBadFlagOfGenerate(String flag, String says) {
        Cli.run(
                        List.of(
                                "generate",
                                "--model=" + TinyRun.golden("llama/policy"),
                                "--prompt=A dog",
                                "--output=" + output),
                        flag)
                .isMistake(says);
        assertThat(output).doesNotExist();
    }

    @Test
    void aBadBatchSizeOfLogps() {
        Cli.run(List.of(
                        "logps",
                        "--model=" + TinyRun.golden("llama/policy"),
                        "--dataset=" + data,
                        "--output=" + output,
                        "--batch-size=0"))
                .isMistake("batch");
        assertThat(output).doesNotExist();
    }

    @Test
    void aMissingOptionAndAnUnknownCommand() {
        Cli.run(List.of("dpo")).isMistake("--model");
        Cli.run(List.of("dop")).isMistake("dop", "did you mean dpo?");
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '"', textBlock = """
            "learning_rte: 1",               "unknown key 'learning_rte'"
            "learning_rte: 1",               "did you mean 'learning_rate'?"
            "learning_rate: fast",           "learning-rate"
            "learning_rate: {a: 1}",         "must be a value or a list"
            "no_shuffle: 3",                 "must be true or false"
            "max_steps: [1, 2]",             "max-steps"
            "- a list",                      "not a YAML mapping"
            "learning_rate: [",              "not valid YAML"
            """)
    void aBadConfigFile(String text, String says) throws IOException {
        Path config = file("run.yaml", text + "\n");
        Cli.run(
                        List.of(
                                "dpo",
                                "--model=" + TinyRun.golden("llama/policy"),
                                "--dataset=" + data,
                                "--output=" + output),
                        "--config=" + config)
                .isMistake(says);
        nothingIsWritten();
    }

    @Test
    void aConfigFileThatIsNotThere() {
        dpo("--config=" + folder.resolve("none.yaml")).isMistake("none.yaml");
    }

    @Test
    void anUnknownWordForActivationCheckpointing() throws IOException {
        dpo("--activation-checkpointing=maybe").isMistake("--activation-checkpointing maybe", "auto, on or off");
        nothingIsWritten();
    }
}
