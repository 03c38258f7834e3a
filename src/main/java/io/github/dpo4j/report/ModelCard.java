package io.github.dpo4j.report;

import io.github.dpo4j.file.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * README.md of a trained model's folder, as the Hugging Face hub reads it.
 *
 * @param name what to call the model
 * @param weights whether the folder holds a whole model or an adapter
 * @param baseModel the MODEL that training began from, as the user named it; a hub id is linked, a path is not
 * @param licence its identifier on the hub ({@code apache-2.0}), or null where it is not known
 * @param method how it was trained
 * @param data the dataset files
 * @param examples trained on, counted once an epoch: pairs for DPO, sequences for SFT
 * @param steps optimizer steps
 * @param learningRate at its peak
 * @param results final metrics, in the order to show
 * @param chat whether the tokenizer has a chat template
 * @param dpo4jVersion the version that trained it
 */
public record ModelCard(
        String name,
        Weights weights,
        String baseModel,
        @Nullable String licence,
        Method method,
        List<HashedFile> data,
        long examples,
        long steps,
        double learningRate,
        List<Metric> results,
        boolean chat,
        String dpo4jVersion) {
    /** The hub's namespace/name with an optional revision. */
    private static final Pattern HUB_ID = Pattern.compile("(\\w[\\w.-]*/\\w[\\w.-]*)(@[\\w./-]+)?");

    /** What the folder holds. */
    public enum Weights {
        WHOLE,
        ADAPTER
    }

    /** How a model was trained. */
    public sealed interface Method {
        /** Supervised fine-tuning. */
        record Sft() implements Method {}

        /**
         * Preference tuning.
         *
         * @param loss as the command line names it; several are joined with a plus
         * @param equation where the loss is written down, such as {@code Rafailov et al. 2023, Eq. 7}
         * @param beta how strongly the policy is held to the reference
         * @param reference the MODEL of the reference, or {@code none} without one
         * @param examples what it was tuned on: {@code pairs} or {@code rankings}
         */
        record Dpo(String loss, String equation, double beta, String reference, String examples) implements Method {}
    }

    public ModelCard {
        data = List.copyOf(data);
        results = List.copyOf(results);
    }

    /** Replaces {@code folder}/README.md by this card, whole or not at all. */
    public void write(Path folder) throws IOException {
        AtomicFiles.writeText(folder.resolve("README.md"), toMarkdown());
    }

    /** Returns the card's text; the same card gives the same text. */
    public String toMarkdown() {
        return frontMatter() + introduction() + use() + training() + citation() + """

                ---
                Made by dpo4j %s.
                """.formatted(line(dpo4jVersion));
    }

    private String frontMatter() {
        StringBuilder yaml = new StringBuilder("---\n");
        yaml.append("library_name: ")
                .append(weights == Weights.ADAPTER ? "peft" : "transformers")
                .append('\n');
        String hubId = hubId(baseModel);
        if (hubId != null) {
            yaml.append("base_model: ").append(quoted(hubId)).append('\n');
        }
        if (licence != null) {
            yaml.append("license: ").append(quoted(licence)).append('\n');
        }
        yaml.append("pipeline_tag: text-generation\ntags:\n");
        yaml.append("- ").append(tag()).append('\n');
        if (weights == Weights.ADAPTER) {
            yaml.append("- lora\n");
        }
        return yaml.append("- dpo4j\n---\n").toString();
    }

    private String tag() {
        return switch (method) {
            case Method.Sft _ -> "sft";
            case Method.Dpo _ -> "dpo";
        };
    }

    private String introduction() {
        String what = weights == Weights.ADAPTER ? "A LoRA adapter for " : "A language model that began as ";
        String how = switch (method) {
            case Method.Sft _ -> ", fine-tuned on example completions (SFT).";
            case Method.Dpo dpo -> ", tuned on preferences: " + line(dpo.examples()) + " of completions.";
        };
        return "\n# " + line(name) + "\n\n" + what + model(baseModel) + how + "\n";
    }

    private String use() {
        String load = weights == Weights.ADAPTER ? """
                from peft import AutoPeftModelForCausalLM
                from transformers import AutoTokenizer

                folder = "."  # this folder, or its id on the hub
                tokenizer = AutoTokenizer.from_pretrained(folder)
                model = AutoPeftModelForCausalLM.from_pretrained(folder)
                """ : """
                from transformers import AutoModelForCausalLM, AutoTokenizer

                folder = "."  # this folder, or its id on the hub
                tokenizer = AutoTokenizer.from_pretrained(folder)
                model = AutoModelForCausalLM.from_pretrained(folder)
                """;
        String encode = chat ? """
                messages = [{"role": "user", "content": "Why is the sky blue?"}]
                inputs = tokenizer.apply_chat_template(
                    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
                )
                """ : """
                inputs = tokenizer("Once upon a time", return_tensors="pt")
                """;
        return "\n## Use\n\n```python\n" + load + "\n" + encode + """
                output = model.generate(**inputs, max_new_tokens=128)
                print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))
                ```
                """;
    }

    private String training() {
        StringBuilder table = new StringBuilder("\n## Training\n\n| | |\n|---|---|\n");
        String unit = switch (method) {
            case Method.Sft _ -> {
                row(table, "recipe", "supervised fine-tuning");
                yield "sequences";
            }
            case Method.Dpo dpo -> {
                row(table, "recipe", "preference tuning");
                row(table, "loss", code(dpo.loss()) + " (" + line(dpo.equation()) + ")");
                row(table, "beta", Figures.shortForm(dpo.beta()));
                row(table, "reference", model(dpo.reference()));
                yield dpo.examples();
            }
        };
        row(table, unit, Long.toString(examples));
        row(table, "steps", Long.toString(steps));
        row(table, "learning rate", Figures.shortForm(learningRate));
        if (!results.isEmpty()) {
            table.append("\nAt the end of training:\n\n| metric | value |\n|---|---:|\n");
            results.forEach(metric -> row(table, code(metric.name()), Figures.shortForm(metric.value())));
        }
        if (!data.isEmpty()) {
            table.append("\nData:\n\n");
            data.forEach(file -> table.append("- ")
                    .append(code(shown(file.path())))
                    .append(", sha256 ")
                    .append(code(file.sha256()))
                    .append('\n'));
        }
        return table.toString();
    }

    private String citation() {
        return switch (method) {
            case Method.Sft _ -> "";
            case Method.Dpo _ -> """

                    ## Citation

                    Direct Preference Optimization:

                    ```bibtex
                    @inproceedings{rafailov2023direct,
                      title         = {Direct Preference Optimization: Your Language Model is Secretly a Reward Model},
                      author        = {Rafael Rafailov and Archit Sharma and Eric Mitchell and Christopher D. Manning and Stefano Ermon and Chelsea Finn},
                      booktitle     = {Advances in Neural Information Processing Systems 36},
                      year          = {2023},
                      eprint        = {2305.18290},
                      archivePrefix = {arXiv},
                      url           = {https://arxiv.org/abs/2305.18290}
                    }
                    ```
                    """;
        };
    }

    private static void row(StringBuilder table, String name, String value) {
        table.append("| ")
                .append(name)
                .append(" | ")
                .append(value.replace("|", "\\|"))
                .append(" |\n");
    }

    private static String model(String model) {
        String hubId = hubId(model);
        return hubId == null ? code(shown(model)) : "[" + hubId + "](https://huggingface.co/" + hubId + ")";
    }

    private static @Nullable String hubId(String model) {
        Matcher match = HUB_ID.matcher(model);
        // A relative path may look the same, and MODEL prefers a folder that exists.
        return match.matches() && !Files.exists(Path.of(model)) ? match.group(1) : null;
    }

    /** A card is made to be published: of an absolute path it shows the last two names, not whose machine it was. */
    private static String shown(String path) {
        String slashes = path.replace('\\', '/');
        boolean absolute = slashes.startsWith("/") || slashes.matches("[A-Za-z]:/.*");
        if (!absolute) {
            return slashes;
        }
        List<String> names = Pattern.compile("/")
                .splitAsStream(slashes)
                .filter(part -> !part.isEmpty())
                .toList();
        return names.subList(Math.max(0, names.size() - 2), names.size()).stream()
                .collect(Collectors.joining("/"));
    }

    /** Returns a code span; a backtick in the text would end it. */
    private static String code(String text) {
        return "`" + line(text).replace('`', '\'') + "`";
    }

    private static String line(String text) {
        return text.replaceAll("[\\p{Cntrl}\u2028\u2029]+", " ").strip();
    }

    /** Returns a YAML string in double quotes. */
    private static String quoted(String text) {
        return "\"" + line(text).replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }
}
