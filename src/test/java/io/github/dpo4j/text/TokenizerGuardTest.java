package io.github.dpo4j.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each of these made the native library end the process, when the file was loaded or when a text was encoded. */
class TokenizerGuardTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "post_processor ; {\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":0}}],"
                        + "\"pair\":[],\"special_tokens\":{}} ; adds the token 'x'",
                "post_processor ; {\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],"
                        + "\"pair\":[],\"special_tokens\":{}} ; asks for a second",
                "decoder ; {\"type\":\"Strip\",\"content\":\" \",\"start\":0,\"stop\":1} ; strips the ends",
                "normalizer ; {\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"x\"} ; an empty text",
                "normalizer ; {\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(a+)+$\"},\"content\":\"x\"} ; may take forever",
                "pre_tokenizer ; {\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a|a)*b\"},\"behavior\":\"Isolated\","
                        + "\"invert\":false} ; may take forever",
                "normalizer ; {\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"} ; damaged",
            })
    void filesThatWouldEndTheProcessAreRefused(String section, String part, String reason) throws IOException {
        ObjectNode tokenizer = SpecialTokens.readObject(
                Golden.of("llama3").folder().resolve("policy").resolve("tokenizer.json"));
        tokenizer.set(section, JSON.readTree(part));
        Files.writeString(folder.resolve("tokenizer.json"), tokenizer.toString());
        assertThatExceptionOfType(UserError.class)
                .isThrownBy(() -> Tokenizer.of(folder))
                .withMessageStartingWith(folder.resolve("tokenizer.json") + ": not a tokenizer that can be used: it ")
                .withMessageContaining(reason);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "16777216", "99999999999999", "1.5", "\"3\"", "null"})
    void idsThatNoEmbeddingHasAreRefused(String id) throws IOException {
        String model = "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":" + id + "},\"unk_token\":\"a\"}}";
        assertThat(TokenizerGuard.defect(JSON.readTree(model))).contains("ids are whole numbers from 0");
    }

    @Test
    void normalizersMayNotMultiplyATextWithoutEnd() throws IOException {
        String doubling = "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aa\"}";
        String ten = String.join(",", Collections.nCopies(10, doubling));
        assertThat(TokenizerGuard.defect(JSON.readTree("{\"normalizer\":{\"normalizers\":[" + ten + "]}}")))
                .isNull();
        assertThat(TokenizerGuard.defect(
                        JSON.readTree("{\"normalizer\":{\"normalizers\":[" + ten + "," + doubling + "]}}")))
                .contains("1024 times as long");
    }

    @Test
    void aTokenThatTheFileCannotEncodeIsAnErrorOfTheFile() throws IOException {
        Files.writeString(
                folder.resolve("tokenizer.json"),
                "{\"version\":\"1.0\",\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"b\"}}");
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.encode("a")).containsExactly(0);
            assertThatExceptionOfType(UserError.class)
                    .isThrownBy(() -> tokenizer.encode("c"))
                    .withMessageContaining("tokenizer.json: cannot encode a text");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s+(?!\\S)|\\s+",
                "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{M}]*[\\p{Ll}\\p{M}]+(?i:'s|'t|'re)?|\\p{N}{1,3}",
                "(?=(\\d{3})+(?!\\d))",
                "(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
                "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
                "[一-龥]+|[^\\[\\](a+)+]+",
                "(?>a+)+",
                "(a++)+",
                "(?:ab|cd)+",
                " {2,}",
            })
    void thePatternsOfRealTokenizersPass(String regex) {
        assertThat(RegexGuard.mayTakeForever(regex)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(a+)+",
                "(?:a*b*)*",
                "((a)+)*x",
                "(a|ab)+",
                "(?i:x|\\w)*",
                "(a{2,}b?)+",
                "(((a+)))+$",
                "(.|a)*b",
                "(?:aa?)+[yz]",
                "(?:a{1,2})*[yz]",
                "(?:a?a?)*b",
                "(?:a|a){40}[yz]",
                "a*a*a*[yz]",
                "\\s*\\s*\\s*x",
                "a*(a*)(?:a*)b",
                "(a*)\\1b",
                "a*(?:b|a*)a*c"
            })
    void nestedRepetitionsAreFound(String regex) {
        assertThat(RegexGuard.mayTakeForever(regex)).isTrue();
    }

    @Test
    void aCharsMapIsFollowedToItsEnds() {
        // one unit, whose children lie at 0 xor 1..255: the trie must have 256 units
        assertThat(PrecompiledCharsMap.defect(charsMap(new int[256], "x\0"))).isNull();
        assertThat(PrecompiledCharsMap.defect(charsMap(new int[255], "x\0"))).isNotNull();
        // 'a' leads to a leaf whose text starts at byte 0, or far behind the texts
        int[] trie = new int[512];
        trie['a'] = 'a' | 1 << 8 | 256 << 10;
        trie[256 ^ 'a'] = 1 << 31;
        assertThat(PrecompiledCharsMap.defect(charsMap(trie, "b\0"))).isNull();
        trie[256 ^ 'a'] = 1 << 31 | 77;
        assertThat(PrecompiledCharsMap.defect(charsMap(trie, "b\0"))).isNotNull();
    }

    private static String charsMap(int[] trie, String texts) {
        ByteBuffer bytes =
                ByteBuffer.allocate(4 + 4 * trie.length + texts.length()).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(4 * trie.length);
        for (int unit : trie) {
            bytes.putInt(unit);
        }
        bytes.put(texts.getBytes(StandardCharsets.US_ASCII));
        return Base64.getEncoder().encodeToString(bytes.array());
    }
}
