package io.github.dpo4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs in examples/ and the Java in the README compile without a warning, and the programs run. */
class ExamplesTest {
    private static final Path EXAMPLES = Path.of("examples");
    private static final String GOLDEN = "src/test/resources/golden/llama/";
    private static final Pattern JAVA_BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    @TempDir
    Path folder;

    @Test
    void everyExampleCompiles() throws IOException {
        try (Stream<Path> files = Files.list(EXAMPLES)) {
            compile(files.filter(file -> file.toString().endsWith(".java")).toList());
        }
    }

    @Test
    void alignInJavaTrainsAModel() throws Exception {
        compile(List.of(EXAMPLES.resolve("AlignInJava.java")));
        Path output = folder.resolve("run");
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
            Method main = loader.loadClass("AlignInJava").getMethod("main", String[].class);
            main.invoke(
                    null, (Object) new String[] {GOLDEN + "policy", GOLDEN + "preferences.jsonl", output.toString()});
        }
        assertThat(output.resolve("model/model.safetensors")).isRegularFile();
        assertThat(Files.readAllLines(output.resolve("metrics.jsonl"))).hasSize(4);
    }

    @Test
    void theReadmesJavaCompiles() throws IOException {
        Matcher block = JAVA_BLOCK.matcher(Files.readString(Path.of("README.md")));
        assertThat(block.find()).isTrue();
        Path source = folder.resolve("Readme.java");
        Files.writeString(
                source,
                imports() + "class Readme {\n    void run() throws Exception {\n" + block.group(1) + "    }\n}\n");
        compile(List.of(source));
    }

    /** The README leaves imports out; they are those of the example. */
    private static String imports() throws IOException {
        return Files.readAllLines(EXAMPLES.resolve("AlignInJava.java")).stream()
                .filter(line -> line.startsWith("import "))
                .collect(Collectors.joining("\n", "", "\n"));
    }

    private void compile(List<Path> sources) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            List<String> options = List.of(
                    "-d", folder.toString(), "-Xlint:all,-path,-processing,-classfile", "-proc:none", "-Werror");
            boolean compiled = compiler.getTask(
                            messages, files, null, options, null, files.getJavaFileObjectsFromPaths(sources))
                    .call();
            assertThat(compiled).as(messages.toString()).isTrue();
        }
    }
}
