package io.github.dpo4j.recipe;

import io.github.dpo4j.data.DatasetFile;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.report.HashedFile;
import io.github.dpo4j.report.RunEnvironment;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NativeLibrary;
import io.github.dpo4j.torch.Threads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What a run was made from and on: hashes of its inputs, versions, machine. */
final class Provenance {
    private Provenance() {}

    /** Hashes a model's config, tokenizer and weights, and its adapter's where one was opened. */
    static List<HashedFile> model(String role, ModelFolder model) throws IOException {
        List<HashedFile> files = new ArrayList<>(files(role, model.path()));
        if (model.adapter().isPresent()) {
            files.addAll(files(role, model.opened()));
        }
        return files;
    }

    private static List<HashedFile> files(String role, Path folder) throws IOException {
        List<HashedFile> files = new ArrayList<>();
        try (Stream<Path> entries = Files.list(folder)) {
            for (Path file : entries.sorted().toList()) {
                String name = file.getFileName().toString();
                if (name.endsWith(".safetensors")
                        || name.equals("model.safetensors.index.json")
                        || name.equals("config.json")
                        || name.equals("adapter_config.json")
                        || name.equals("tokenizer.json")) {
                    files.add(HashedFile.of(role, file));
                }
            }
        }
        return files;
    }

    static List<HashedFile> dataset(String role, List<DatasetFile> files) throws IOException {
        List<HashedFile> hashed = new ArrayList<>();
        for (DatasetFile file : files) {
            hashed.add(new HashedFile(role, file.file().toString(), Files.size(file.file()), file.sha256()));
        }
        return hashed;
    }

    static RunEnvironment environment(Device device) {
        return new RunEnvironment(
                version(),
                System.getProperty("java.vm.vendor") + " " + System.getProperty("java.runtime.version"),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                device.name(),
                cpu(),
                Threads.count(),
                NativeLibrary.version());
    }

    static String version() {
        String version = Provenance.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }

    private static String cpu() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("model name"))
                    .findFirst()
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .orElse("unknown");
        } catch (IOException e) {
            return "unknown";
        }
    }
}
