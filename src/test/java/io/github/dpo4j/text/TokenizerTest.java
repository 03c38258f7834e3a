package io.github.dpo4j.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TokenizerTest {
    private static final String TEXT =
            "Once upon a time, there was a naïve café — 数学 👩‍👩‍👧.\n\n  Tabs\tand blank lines.";

    @TempDir
    Path folder;

    @Test
    void specialTokensAreAddedByEncodeAloneAndRecognisedInTextByBoth() throws IOException {
        try (Tokenizer tokenizer = Golden.of("llama3").tokenizer()) {
            int bos = tokenizer.bosId().orElseThrow();
            int eos = tokenizer.eosId().orElseThrow();

            assertThat(bos).isZero();
            assertThat(eos).isEqualTo(4);
            assertThat(tokenizer.encode("a")).startsWith(bos).hasSize(2);
            assertThat(tokenizer.encodeRaw("a")).hasSize(1);
            assertThat(tokenizer.encodeRaw("a<|eot_id|>")).endsWith(eos).hasSize(2);
        }
    }

    @Test
    void decodingGivesTheTextBack() throws IOException {
        for (String family : List.of("llama", "llama3", "gpt2", "gpt_neox")) {
            try (Tokenizer tokenizer = Golden.of(family).tokenizer()) {
                assertThat(tokenizer.decode(tokenizer.encode(TEXT), true)).isEqualTo(TEXT);
            }
        }
    }

    @Test
    void specialTokensAreDecodedOrSkipped() throws IOException {
        try (Tokenizer tokenizer = Golden.of("llama3").tokenizer()) {
            int[] ids = tokenizer.encode("a");

            assertThat(tokenizer.decode(ids, true)).isEqualTo("a");
            assertThat(tokenizer.decode(ids, false)).isEqualTo("<|begin_of_text|>a");
        }
    }

    @Test
    void manyTextsGiveTheIdsOfEachAlone() throws IOException {
        try (Tokenizer tokenizer = Golden.of("llama3").tokenizer()) {
            List<String> texts =
                    IntStream.range(0, 600).mapToObj(i -> "row " + i).toList();

            List<int[]> all = tokenizer.encodeAll(texts);
            List<int[]> raw = tokenizer.encodeAllRaw(texts);

            assertThat(all).hasSize(600);
            assertThat(all.get(599)).isEqualTo(tokenizer.encode("row 599"));
            assertThat(raw.get(599)).isEqualTo(tokenizer.encodeRaw("row 599"));
        }
    }

    @Test
    void truncationAndPaddingInTheFileAreNotFollowed() throws IOException {
        String text = "word ".repeat(2000);
        copy("gpt2", json -> {
            json.putObject("truncation")
                    .put("direction", "Right")
                    .put("max_length", 5)
                    .put("strategy", "LongestFirst")
                    .put("stride", 0);
            ObjectNode padding = json.putObject("padding")
                    .put("direction", "Right")
                    .put("pad_id", 0)
                    .put("pad_type_id", 0)
                    .put("pad_token", "<|endoftext|>");
            padding.putObject("strategy").put("Fixed", 16);
            padding.putNull("pad_to_multiple_of");
        });
        try (Tokenizer changed = Tokenizer.of(folder);
                Tokenizer original = Golden.of("gpt2").tokenizer()) {
            assertThat(changed.encode(text)).isEqualTo(original.encode(text)).hasSizeGreaterThan(2000);
            assertThat(changed.encode("a")).hasSize(1);
            assertThat(changed.encodeAll(List.of("a", "a b c")).getFirst()).hasSize(1);
        }
    }

    @Test
    void anEosThatTheFileListsAsOrdinaryVocabularyIsRecognisedInText() throws IOException {
        copy("gpt2", json -> json.putArray("added_tokens"));
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.encode("a<|endoftext|>")).hasSize(2).endsWith(0);
        }
    }

    @Test
    void halfASurrogatePairBecomesTheReplacementCharacter() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            assertThat(tokenizer.encode("a\uD800b\uDC00")).isEqualTo(tokenizer.encode("a\uFFFDb\uFFFD"));
            assertThat(tokenizer.encode("\0")).isNotEmpty();
            assertThat(tokenizer.encode("")).isEmpty();
        }
    }

    @Test
    void theVocabularySizeCoversTheLargestId() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            assertThat(tokenizer.vocabularySize()).isEqualTo(768);
        }
    }

    @Test
    void aTokenMayBeNamedByAnObjectAndInTheSpecialTokensMap() throws IOException {
        copy("gpt2", _ -> {});
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"bos_token\":\"!\",\"pad_token\":null}");
        Files.writeString(folder.resolve("special_tokens_map.json"), "{\"eos_token\":{\"content\":\"<|endoftext|>\"}}");
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.specialTokens())
                    .isEqualTo(new SpecialTokens("!", "<|endoftext|>", null, "<|endoftext|>"));
            assertThat(tokenizer.specialTokens().byName()).containsOnlyKeys("bos_token", "eos_token", "unk_token");
            assertThat(tokenizer.eosId()).hasValue(0);
            assertThat(tokenizer.padId()).isEmpty();
        }
    }

    @Test
    void aFolderWithoutAnEosIsRefusedWhereOneIsNeeded() throws IOException {
        copy("gpt2", _ -> {});
        Files.writeString(folder.resolve("config.json"), "{}");
        Files.writeString(folder.resolve("tokenizer_config.json"), "{}");
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThatExceptionOfType(UserError.class)
                    .isThrownBy(tokenizer::requireEos)
                    .withMessage(folder.resolve("tokenizer_config.json")
                            + ": no eos_token is named, but training ends completions with it");
        }
    }

    @Test
    void aLlamaTokenizerPutsItsSpaceBeforeTheFirstWordOnlyWhereThereIsNone() throws IOException {
        // A tiny sentencepiece-like vocabulary; transformers gives " a" and "a" the same ids, tokenizer.json alone does
        // not.
        Files.writeString(
                folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"LlamaTokenizer\",\"legacy\":false}");
        Files.writeString(folder.resolve("tokenizer.json"), """
                {"version":"1.0","added_tokens":[{"id":0,"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,\
                "normalized":false,"special":true}],"normalizer":{"type":"Sequence","normalizers":[\
                {"type":"Prepend","prepend":"\u2581"},{"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]},\
                "pre_tokenizer":null,"post_processor":null,"decoder":null,"model":{"type":"BPE","dropout":null,"unk_token":null,\
                "continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,"byte_fallback":true,\
                "vocab":{"</s>":0,"\u2581":1,"a":2,"\u2581a":3},"merges":["\u2581 a"]}}""");
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.encode("a")).containsExactly(3);
            assertThat(tokenizer.encode(" a")).containsExactly(3);
            assertThat(tokenizer.encode("a</s>a")).containsExactly(3, 0, 2);
            assertThat(tokenizer.decode(new int[] {3, 3}, true)).isEqualTo("a a");
        }
    }

    @Test
    void aGpt2TokenizerForgetsTheDigitSplitterAsInTransformers() throws IOException {
        // transformers 5.17 gives GPT2Tokenizer [5] and PreTrainedTokenizerFast [1, 2] for "12"
        String json = """
                {"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Sequence","pretokenizers":[\
                {"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,\
                "use_regex":true}]},"post_processor":null,"decoder":{"type":"ByteLevel","add_prefix_space":true,\
                "trim_offsets":true,"use_regex":true},"model":{"type":"BPE","dropout":null,"unk_token":null,\
                "continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,\
                "vocab":{"<|endoftext|>":0,"1":1,"2":2,"a":3,"\u0120":4,"12":5},"merges":["1 2"]}}""";
        Files.writeString(folder.resolve("tokenizer.json"), json);
        Path config = folder.resolve("tokenizer_config.json");
        Files.writeString(config, "{\"tokenizer_class\":\"GPT2Tokenizer\"}");
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.encode("12")).containsExactly(5);
        }
        Files.writeString(config, "{\"tokenizer_class\":\"PreTrainedTokenizerFast\"}");
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.encode("12")).containsExactly(1, 2);
        }
    }

    @Test
    void theConfigsListOfAddedTokensWinsOverTheFiles() throws IOException {
        copy("llama3", _ -> {});
        ObjectNode config = SpecialTokens.readObject(folder.resolve("tokenizer_config.json"));
        config.putObject("added_tokens_decoder")
                .putObject("4")
                .put("content", "<|eot_id|>")
                .put("rstrip", true)
                .put("special", true);
        new ObjectMapper().writeValue(folder.resolve("tokenizer_config.json").toFile(), config);
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.encodeRaw("<|eot_id|>  a")).isEqualTo(tokenizer.encodeRaw("<|eot_id|>a"));
            assertThat(tokenizer.encodeRaw("<|start_header_id|>")).containsExactly(2);
        }
    }

    @Test
    void otherSpecialTokensAreVariablesOfTemplatesAndExtraOnesAreNotSplit() throws IOException {
        copy("gpt2", _ -> {});
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"sep_token\":\"!\",\"mask_token\":{\"content\":\"?\"},\"extra_special_tokens\":[\"he\"]}");
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.specialTokens().byName())
                    .containsEntry("sep_token", "!")
                    .containsEntry("mask_token", "?");
            int[] he = tokenizer.encode("he");
            assertThat(tokenizer.encode("thehe")).hasSize(3).endsWith(he[0], he[0]);
        }
    }

    @Test
    void aFolderWithoutATokenizerIsRefused() {
        assertThatExceptionOfType(UserError.class)
                .isThrownBy(() -> Tokenizer.of(folder))
                .withMessageStartingWith(folder + " has no tokenizer.json;");
    }

    @Test
    void aCorruptTokenizerIsRefusedInOneSentence() throws IOException {
        for (String corrupt : List.of(
                "{\"model\"", "[]", "{}", "{\"model\":{\"type\":\"BPE\"}}", "{\"model\":{\"type\":\"None\"}}")) {
            Path file = Files.writeString(folder.resolve("tokenizer.json"), corrupt);
            assertThatExceptionOfType(UserError.class)
                    .isThrownBy(() -> Tokenizer.of(folder))
                    .withMessageStartingWith(file + ": not ")
                    .withMessageNotContaining("\n");
        }
    }

    private void copy(String family, Consumer<ObjectNode> change) throws IOException {
        Path policy = Golden.of(family).folder().resolve("policy");
        ObjectNode json = SpecialTokens.readObject(policy.resolve("tokenizer.json"));
        change.accept(json);
        new ObjectMapper().writeValue(folder.resolve("tokenizer.json").toFile(), json);
        for (String name : List.of("tokenizer_config.json", "config.json")) {
            Files.copy(policy.resolve(name), folder.resolve(name));
        }
    }
}
