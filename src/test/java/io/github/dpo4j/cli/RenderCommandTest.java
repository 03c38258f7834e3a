package io.github.dpo4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.recipe.TinyRun;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code render}: what the model would see, and what is said of bad input. */
class RenderCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String HI = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}\n";

    private final Path folder;
    private final Path output;

    RenderCommandTest(@TempDir Path folder) {
        this.folder = folder;
        this.output = folder.resolve("out.jsonl");
    }

    private Path file(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private Cli render(Path model, String... more) {
        return Cli.run(List.of("render", "--model=" + model, "--output=" + output), more);
    }

    /** A folder with a tokenizer and a template, and nothing else. */
    private Path model(String template) throws IOException {
        Path model = Files.createDirectories(folder.resolve("model"));
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Path copy = model.resolve(name);
            Files.deleteIfExists(copy);
            Files.copy(TinyRun.golden("llama3/policy").resolve(name), copy);
        }
        Files.writeString(model.resolve("chat_template.jinja"), template);
        return model;
    }

    private List<JsonNode> lines() throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(output)) {
            lines.add(JSON.readTree(line));
        }
        return lines;
    }

    private List<String> texts() throws IOException {
        return lines().stream().map(line -> line.path("text").asText()).toList();
    }

    @Test
    void conversationsGoThroughTheTemplateAndTextsGetTheSpecialTokens() throws IOException {
        Path data = file("data.jsonl", HI + "{\"text\": \"Hi\"}\n{\"text\": \"\"}\n");
        Path model = model("{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}");
        assertThat(render(model, "--dataset=" + data).code()).isZero();

        List<JsonNode> lines = lines();
        assertThat(texts()).containsExactly("<|begin_of_text|>user: Hi", "Hi", "");
        assertThat(lines.get(0).path("ids").get(0).asInt()).isZero();
        assertThat(lines.get(1).path("ids")).hasSize(3);
        assertThat(lines.get(2).path("ids").toString()).isEqualTo("[0]");
    }

    /** PEFT writes none; the base that adapter_config.json names has one. */
    @Test
    void anAdapterWithoutATokenizerIsRenderedWithItsBases() throws IOException {
        Path data = file("data.jsonl", "{\"text\": \"Hi there\"}\n");
        assertThat(render(Path.of("src/test/resources/adapter/lora"), "--dataset=" + data)
                        .code())
                .isZero();
        String ids = lines().getFirst().path("ids").toString();
        assertThat(render(TinyRun.golden("llama/policy"), "--dataset=" + data).code())
                .isZero();
        assertThat(lines().getFirst().path("ids").toString()).isEqualTo(ids).isNotEqualTo("[]");
    }

    @Test
    void toolsReachTheTemplateAndTheGenerationPromptIsAskedFor() throws IOException {
        Path data = file(
                "data.jsonl",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"tools\": [{\"name\": \"clock\"}]}\n"
                        + HI);
        Path model = model("{{ tools|tojson if tools else 'none' }}{{ '>' if add_generation_prompt }}");
        assertThat(render(model, "--dataset=" + data).code()).isZero();
        assertThat(texts()).containsExactly("[{\"name\": \"clock\"}]", "none");
        assertThat(render(model, "--dataset=" + data, "--add-generation-prompt").code())
                .isZero();
        assertThat(texts()).containsExactly("[{\"name\": \"clock\"}]>", "none>");
    }

    @Test
    void aRowThatTheTemplateRefusesHasItsError() throws IOException {
        Path data = file(
                "data.jsonl",
                "{\"messages\": [{\"role\": \"system\", \"content\": \"Hi\"}]}\n"
                        + "{\"messages\": [{\"role\": \"odd\", \"content\": \"Hi\"}]}\n" + HI);
        Path model = model("{% if messages[0].role == 'system' %}{{ raise_exception('No system role') }}{% endif %}\n"
                + "{% if messages[0].role == 'odd' %}{{ messages.x.y }}{% endif %}ok");
        Cli cli = render(model, "--dataset=" + data);

        assertThat(cli.code()).isZero();
        assertThat(lines())
                .extracting(JsonNode::toString)
                .startsWith(
                        "{\"error\":\"No system role\"}",
                        "{\"error\":\"chat template, line 2: 'list object' has no attribute 'x'\"}");
        assertThat(texts().get(2)).isEqualTo("ok");
    }

    @Test
    void severalFilesComeInTheirOrderGzipToo() throws IOException {
        Path gzip = folder.resolve("a.jsonl.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(gzip))) {
            out.write("{\"text\": \"first\"}\n".getBytes(StandardCharsets.UTF_8));
        }
        file("b1.jsonl", "{\"text\": \"second\"}\n");
        file("b2.json", "[{\"text\": \"third\"}]");
        Path config = file(
                "run.yaml",
                "model: " + TinyRun.golden("gpt2/policy") + "\ndataset: [" + gzip + ", '" + folder + "/b*']\noutput: "
                        + output + "\nadd_generation_prompt: true\n");
        assertThat(Cli.run(List.of("render", "--config=" + config)).code()).isZero();
        assertThat(texts()).containsExactly("first", "second", "third");
    }

    @Test
    void aBadRowStopsOrIsSkipped() throws IOException {
        Path data = file("data.jsonl", "{\"text\": \"good\"}\n{\"prompt\": \"bad\"}\n{\"text\": 7}\n");
        Path model = TinyRun.golden("gpt2/policy");
        render(model, "--dataset=" + data)
                .isMistake(data + ":2: the row has neither `messages` nor `text`", "--on-bad-row skip");
        assertThat(output).doesNotExist();

        assertThat(render(model, "--dataset=" + data, "--on-bad-row=skip").code())
                .isZero();
        assertThat(texts()).containsExactly("good");
        assertThat(folder.resolve("out.jsonl.skipped")).content().contains("\"line\":2", "\"line\":3");
    }

    @Test
    void whatCannotBeRenderedIsOneSentence() throws IOException {
        Path chat = file("chat.jsonl", HI);
        render(TinyRun.golden("gpt2/policy"), "--dataset=" + chat).isMistake("has no chat template");
        render(model("{% if %}"), "--dataset=" + chat)
                .isMistake("the chat template cannot be read: chat template, line 1: expected an expression");
        render(model("ok\n{% include 'other' %}"), "--dataset=" + chat)
                .isMistake("line 2: the tag 'include' is not supported");
        render(folder.resolve("nowhere"), "--dataset=" + chat).isMistake("nowhere is not a folder");
        render(folder, "--dataset=" + chat).isMistake("has no tokenizer.json");
        Cli.run(List.of("render", "--dataset=d", "--model=m", "--add-generation-promt", "--output=o"))
                .isMistake("did you mean --add-generation-prompt?");
        assertThat(output).doesNotExist();
    }
}
