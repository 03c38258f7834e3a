package io.github.dpo4j.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** JSON from strangers: UTF-8 only, names once, shallow. Written, it escapes as serde and Python do. */
final class StrictJson {
    private static final int DEEPEST = 8;

    // Canonicalized names would let one file fill a symbol table that all parsers share.
    static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonWriteFeature.WRITE_HEX_UPPER_CASE)
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxNestingDepth(DEEPEST).build())
            .build();

    private StrictJson() {}

    /** A parser that throws IOException on any other encoding; given bytes, Jackson would guess UTF-16 and UTF-32 too. */
    static JsonParser parser(byte[] json) throws IOException {
        return FACTORY.createParser(new InputStreamReader(
                new ByteArrayInputStream(json),
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT)));
    }

    /** What a parser's exception says, in one line. */
    static String reason(IOException e) {
        return switch (e) {
            case CharacterCodingException _ -> "it is not UTF-8";
            case JsonProcessingException j -> Words.oneLine(j.getOriginalMessage());
            default -> Words.reason(e);
        };
    }
}
