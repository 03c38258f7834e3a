package io.github.dpo4j.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.file.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * run.json: everything needed to say what a run was and to repeat it. Written once as running, before the first step, and
 * again when the run ends.
 *
 * @param command {@code sft}, {@code dpo}, ...
 * @param settings all of them, resolved, in the order of the command line's help; each name once
 * @param seeds what each seed is for, and its value
 * @param files data and weights that went in
 * @param finishedAt null while running
 * @param results final metrics; empty until the run ends
 */
public record RunManifest(
        String command,
        RunStatus status,
        Instant startedAt,
        @Nullable Instant finishedAt,
        RunEnvironment environment,
        List<Seed> seeds,
        List<Setting> settings,
        List<HashedFile> files,
        List<Metric> results) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A seed under the name of its setting. */
    public record Seed(String name, long value) {}

    public RunManifest {
        seeds = List.copyOf(seeds);
        settings = List.copyOf(settings);
        files = List.copyOf(files);
        results = List.copyOf(results);
        Set<String> names = new HashSet<>();
        for (Setting setting : settings) {
            if (!names.add(setting.name())) {
                throw new IllegalArgumentException("The setting " + setting.name() + " occurs twice.");
            }
        }
    }

    /** Returns the manifest of a run that begins now, to the second. */
    public static RunManifest started(
            String command,
            List<Setting> settings,
            RunEnvironment environment,
            List<Seed> seeds,
            List<HashedFile> files,
            Clock clock) {
        return new RunManifest(
                command, RunStatus.RUNNING, now(clock), null, environment, seeds, settings, files, List.of());
    }

    /** Returns this manifest as it is when the run ends now. */
    public RunManifest ended(RunStatus how, List<Metric> finalResults, Clock clock) {
        return new RunManifest(command, how, startedAt, now(clock), environment, seeds, settings, files, finalResults);
    }

    private static Instant now(Clock clock) {
        return clock.instant().truncatedTo(ChronoUnit.SECONDS);
    }

    /** Replaces {@code path} by this manifest, whole or not at all. */
    public void write(Path path) throws IOException {
        AtomicFiles.writeText(path, toJson());
    }

    /** Returns the text of run.json: pretty, keys in a fixed order, a newline at the end. */
    public String toJson() {
        ObjectNode root = JSON.createObjectNode();
        root.put("command", command);
        root.put("status", status.word());
        root.put("started_at", startedAt.toString());
        root.put("finished_at", finishedAt == null ? null : finishedAt.toString());
        ObjectNode versions = root.putObject("environment");
        versions.put("dpo4j", environment.dpo4j());
        versions.put("java", environment.java());
        versions.put("os", environment.os());
        versions.put("device", environment.device());
        versions.put("cpu", environment.cpu());
        versions.put("threads", environment.threads());
        versions.put("libtorch", environment.libtorch());
        ObjectNode seedsNode = root.putObject("seeds");
        seeds.forEach(seed -> seedsNode.put(seed.name(), seed.value()));
        ObjectNode settingsNode = root.putObject("settings");
        settings.forEach(setting -> settingsNode.set(setting.name(), setting.value()));
        ArrayNode filesNode = root.putArray("files");
        for (HashedFile file : files) {
            filesNode
                    .addObject()
                    .put("role", file.role())
                    .put("path", file.path())
                    .put("bytes", file.bytes())
                    .put("sha256", file.sha256());
        }
        ObjectNode resultsNode = root.putObject("results");
        results.forEach(metric -> MetricsLog.put(resultsNode, metric));
        try {
            // The system's own line ends would make the file differ between machines.
            DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
            DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
            printer.indentObjectsWith(indenter);
            printer.indentArraysWith(indenter);
            return JSON.writer(printer).writeValueAsString(root) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("A tree of JSON nodes can always be written.", e);
        }
    }

    /**
     * Reads a run.json.
     *
     * @throws UserError if it is not one
     */
    public static RunManifest read(Path path) throws IOException {
        try {
            return parse(JSON.readTree(Files.readString(path)));
        } catch (JsonProcessingException | IllegalArgumentException | DateTimeException e) {
            throw new UserError(path + " is not a run.json of dpo4j: " + e.getMessage(), e);
        }
    }

    private static RunManifest parse(JsonNode root) {
        List<Seed> seeds = new ArrayList<>();
        for (Map.Entry<String, JsonNode> seed : root.required("seeds").properties()) {
            seeds.add(new Seed(seed.getKey(), seed.getValue().asLong()));
        }
        List<Setting> settings = new ArrayList<>();
        for (Map.Entry<String, JsonNode> setting : root.required("settings").properties()) {
            settings.add(new Setting(setting.getKey(), setting.getValue()));
        }
        List<HashedFile> files = new ArrayList<>();
        for (JsonNode file : root.required("files")) {
            files.add(new HashedFile(
                    text(file, "role"),
                    text(file, "path"),
                    file.required("bytes").asLong(),
                    text(file, "sha256")));
        }
        List<Metric> results = new ArrayList<>();
        for (Map.Entry<String, JsonNode> result : root.required("results").properties()) {
            results.add(MetricsLog.metric(result.getKey(), result.getValue()));
        }
        JsonNode versions = root.required("environment");
        return new RunManifest(
                text(root, "command"),
                RunStatus.valueOf(text(root, "status").toUpperCase(Locale.ROOT)),
                Instant.parse(text(root, "started_at")),
                root.required("finished_at").isNull() ? null : Instant.parse(text(root, "finished_at")),
                new RunEnvironment(
                        text(versions, "dpo4j"),
                        text(versions, "java"),
                        text(versions, "os"),
                        text(versions, "device"),
                        text(versions, "cpu"),
                        versions.required("threads").asInt(),
                        text(versions, "libtorch")),
                seeds,
                settings,
                files,
                results);
    }

    private static String text(JsonNode node, String name) {
        return node.required(name).asText();
    }
}
