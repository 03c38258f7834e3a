package io.github.dpo4j.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.file.AtomicFiles;
import io.github.dpo4j.file.Folders;
import io.github.dpo4j.report.RunManifest;
import io.github.dpo4j.report.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The output folder of a run: model/, checkpoints/, metrics.jsonl, run.json, report.html. */
public record RunFolder(Path path, Start start) {
    /** What a run may do with an output folder that is not empty. */
    public enum Start {
        /** Refuse it. */
        FRESH,
        /** Delete what an earlier run wrote there, nothing else, and only once this one can begin. */
        OVERWRITE,
        /** Continue the run that is there. */
        RESUME
    }

    private static final String MANIFEST = "run.json";
    private static final List<String> SKIPPED = List.of("skipped_dataset.jsonl", "skipped_eval_dataset.jsonl");
    private static final List<String> RESULTS =
            List.of("model", "adapter", "checkpoints", "metrics.jsonl", MANIFEST, "report.html");

    /** Checks, before anything is loaded, that the folder may be used and written to, and makes it. */
    public static RunFolder open(Path output, Start start, List<Path> inputs) {
        Path path = output.toAbsolutePath().normalize();
        if (path.getFileName() == null) {
            throw new UserError("--output " + output + " is the root of the file system; choose a folder in it");
        }
        RunFolder folder = new RunFolder(path, start);
        try {
            if (Files.exists(path) && !Files.isDirectory(path)) {
                throw new UserError("--output " + path + " is a file; it must be a folder");
            }
            switch (start) {
                case FRESH -> folder.refuseOccupied();
                case OVERWRITE -> {
                    folder.refuseToDelete(inputs);
                    folder.delete(SKIPPED);
                }
                case RESUME -> folder.requireRun();
            }
            Files.createDirectories(path);
            Path probe = path.resolve(".dpo4j-probe");
            Files.writeString(probe, "");
            Files.delete(probe);
        } catch (IOException e) {
            throw new UserError("--output " + path + " cannot be written to (" + AtomicFiles.reason(e)
                    + "); choose a folder that can");
        }
        return folder;
    }

    /** As {@link #open} for a run that is only planned: nothing is made, and only what a resumed run needs is checked. */
    static RunFolder planned(Path output, Start start) {
        RunFolder folder = new RunFolder(output.toAbsolutePath().normalize(), start);
        if (folder.resuming()) {
            folder.requireRun();
        }
        return folder;
    }

    private void requireRun() {
        if (!Files.isRegularFile(manifest())) {
            throw new UserError("--resume: there is no run in " + path + "; leave --resume away to start one");
        }
    }

    /** What a run that never made a step left behind does not count, so that a mended command can simply be run again. */
    private void refuseOccupied() throws IOException {
        if (!Files.isDirectory(path)) {
            return;
        }
        try (Stream<Path> entries = Files.list(path)) {
            for (Path entry : entries.toList()) {
                if (!isTrace(entry)) {
                    throw new UserError("--output " + path + " is not empty (it holds " + entry.getFileName()
                            + "); choose another folder, continue with --resume, or replace the run with --overwrite");
                }
            }
        }
    }

    /** --overwrite deletes an earlier run's results: never what this run reads, and never what no run of dpo4j wrote. */
    private void refuseToDelete(List<Path> inputs) {
        boolean holdsRun = Files.isRegularFile(manifest());
        if (!holdsRun && (Files.exists(model()) || Files.exists(adapter()) || Files.exists(checkpoints()))) {
            throw new UserError("--overwrite: " + path + " holds no run of dpo4j (it has no run.json), but a model or"
                    + " checkpoints that would be deleted; choose another folder");
        }
        for (Path input : inputs) {
            Path absolute = input.toAbsolutePath().normalize();
            for (String name : Stream.concat(RESULTS.stream(), SKIPPED.stream()).toList()) {
                if (absolute.startsWith(path.resolve(name))) {
                    throw new UserError(
                            "--overwrite would delete " + input + ", which this run reads; choose another --output");
                }
            }
        }
    }

    private boolean isTrace(Path entry) throws IOException {
        return switch (entry.getFileName().toString()) {
            case "run.json", RunLock.NAME, "skipped_dataset.jsonl", "skipped_eval_dataset.jsonl" -> true;
            case "metrics.jsonl" -> Files.size(entry) == 0;
            case "report.html" -> !Files.exists(metrics()) || Files.size(metrics()) == 0;
            default -> false;
        };
    }

    /** Makes way for a run that is about to make its first step: under OVERWRITE, what the earlier one wrote is deleted. */
    void clear() throws IOException {
        if (start == Start.OVERWRITE) {
            delete(RESULTS);
        }
    }

    private void delete(List<String> names) throws IOException {
        for (String name : names) {
            Folders.delete(path.resolve(name));
        }
    }

    public boolean resuming() {
        return start == Start.RESUME;
    }

    public Path model() {
        return path.resolve("model");
    }

    public Path adapter() {
        return path.resolve("adapter");
    }

    public Path checkpoints() {
        return path.resolve("checkpoints");
    }

    public Path metrics() {
        return path.resolve("metrics.jsonl");
    }

    /** Returns a setting of the run in {@code output} as it was recorded; empty where none was. */
    public static Optional<JsonNode> recorded(Path output, String setting) {
        Path manifest = output.resolve(MANIFEST);
        if (!Files.isRegularFile(manifest)) {
            return Optional.empty();
        }
        try {
            return RunManifest.read(manifest).settings().stream()
                    .filter(recorded -> recorded.name().equals(setting))
                    .map(Setting::value)
                    .findFirst();
        } catch (IOException e) {
            throw new UserError("--resume: " + manifest + " cannot be read (" + AtomicFiles.reason(e) + ")");
        }
    }

    public Path manifest() {
        return path.resolve(MANIFEST);
    }

    public Path report() {
        return path.resolve("report.html");
    }

    /** Where rows that --on-bad-row skip leaves out are kept; {@code role} is dataset or eval_dataset. */
    public Path skippedRows(String role) {
        return path.resolve("skipped_" + role + ".jsonl");
    }
}
