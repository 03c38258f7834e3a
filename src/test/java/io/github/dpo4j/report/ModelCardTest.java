package io.github.dpo4j.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelCardTest {
    private static final ModelCard.Method DPO =
            new ModelCard.Method.Dpo("sigmoid", "Rafailov et al. 2023, Eq. 7", 0.1, "org/base", "pairs");

    private static ModelCard card(
            String name,
            ModelCard.Weights weights,
            String base,
            @Nullable String licence,
            ModelCard.Method method,
            String dataset) {
        return new ModelCard(
                name,
                weights,
                base,
                licence,
                method,
                List.of(new HashedFile("dataset", dataset, 10, "cd".repeat(32))),
                1024,
                64,
                5e-7,
                List.of(new Metric("rewards/accuracies", 0.8125)),
                false,
                "0.1.0");
    }

    private static ModelCard card(String base, ModelCard.Method method) {
        return card("happy", ModelCard.Weights.WHOLE, base, "mit", method, "data/pairs.jsonl");
    }

    private static JsonNode frontMatter(ModelCard card) throws IOException {
        String[] parts = card.toMarkdown().split("(?m)^---$", 3);
        return new YAMLMapper().readTree(parts[1]);
    }

    @Test
    void theFrontMatterSaysWhatTheHubNeeds() throws IOException {
        JsonNode yaml = frontMatter(card("org/base@main", DPO));

        assertThat(yaml.path("library_name").asText()).isEqualTo("transformers");
        assertThat(yaml.path("base_model").asText()).isEqualTo("org/base");
        assertThat(yaml.path("license").asText()).isEqualTo("mit");
        assertThat(yaml.path("pipeline_tag").asText()).isEqualTo("text-generation");
        assertThat(yaml.path("tags").toString()).isEqualTo("[\"dpo\",\"dpo4j\"]");
    }

    @Test
    void aFolderIsNotNamedAsAHubModelAndItsAbsolutePathIsNotShown() throws IOException {
        ModelCard card = card("/home/someone/models/tiny", DPO);

        assertThat(frontMatter(card).has("base_model")).isFalse();
        assertThat(card.toMarkdown()).contains("`models/tiny`").doesNotContain("someone");
        // A relative folder that exists looks like a hub id and is none.
        assertThat(frontMatter(card("src/main", DPO)).has("base_model")).isFalse();
    }

    @Test
    void aPreferenceRunTellsItsLossAndCitesThePaper() {
        assertThat(card("org/base", DPO).toMarkdown())
                .contains("`sigmoid` (Rafailov et al. 2023, Eq. 7)", "| beta | 0.1 |", "| pairs | 1024 |")
                .contains("| learning rate | 5e-7 |", "| `rewards/accuracies` | 0.8125 |", "cd".repeat(32))
                .contains("2305.18290", "dpo4j 0.1.0");
    }

    @Test
    void aFineTuningRunCitesNoPreferencePaper() throws IOException {
        ModelCard card = card("org/base", new ModelCard.Method.Sft());

        assertThat(card.toMarkdown()).contains("| sequences | 1024 |").doesNotContain("2305.18290", "beta");
        assertThat(frontMatter(card).path("tags").toString()).isEqualTo("[\"sft\",\"dpo4j\"]");
    }

    @Test
    void anAdapterLoadsThroughPeft() throws IOException {
        ModelCard card = card("happy", ModelCard.Weights.ADAPTER, "org/base", null, DPO, "pairs.jsonl");

        assertThat(frontMatter(card).path("library_name").asText()).isEqualTo("peft");
        assertThat(frontMatter(card).has("license")).isFalse();
        assertThat(card.toMarkdown()).contains("AutoPeftModelForCausalLM.from_pretrained");
    }

    @Test
    void hostileNamesCannotBreakOutOfTheirPlace() throws IOException {
        ModelCard card =
                card("a\n---\nb", ModelCard.Weights.WHOLE, "org/base", "x\"\nevil: 1", DPO, "a`b\n# Heading\n|c.jsonl");

        assertThat(frontMatter(card).has("evil")).isFalse();
        assertThat(card.toMarkdown()).doesNotContain("\n# Heading").contains("`a'b # Heading |c.jsonl`");
    }

    @Test
    void writesTheReadmeOfTheFolder(@TempDir Path folder) throws IOException {
        ModelCard card = card("org/base", DPO);

        card.write(folder);

        assertThat(folder.resolve("README.md")).hasContent(card.toMarkdown());
    }
}
