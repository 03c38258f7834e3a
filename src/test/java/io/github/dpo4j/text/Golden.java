package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Objects;

/** What transformers and TRL made of small models. */
record Golden(Path folder, JsonNode values) {
    static Golden of(String family) throws IOException {
        URL found = Objects.requireNonNull(Golden.class.getResource("/golden/" + family + "/golden.json"), family);
        try {
            Path file = Path.of(found.toURI());
            return new Golden(Objects.requireNonNull(file.getParent()), new ObjectMapper().readTree(file.toFile()));
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
    }

    Tokenizer tokenizer() {
        return Tokenizer.of(folder.resolve("policy"));
    }

    static int[] ids(JsonNode list) {
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = list.path(i).asInt();
        }
        return ids;
    }
}
