package io.github.dpo4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.recipe.TinyRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The command line within this JVM. */
record Cli(int code, String out, String err) {
    static Cli run(List<String> first, String... rest) {
        List<String> args = new ArrayList<>(first);
        args.addAll(Arrays.asList(rest));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(args.toArray(String[]::new), new PrintWriter(out, true), new PrintWriter(err, true));
        return new Cli(code, out.toString(), err.toString());
    }

    /** Runs a command for one step on a model and a dataset; flags of {@code more} replace these. */
    static Cli onTiny(String name, Path model, Path dataset, Path output, String... more) {
        List<String> args = new ArrayList<>(List.of(name));
        for (String flag : List.of(
                "--model=" + model,
                "--dataset=" + dataset,
                "--output=" + output,
                "--max-steps=1",
                "--dtype=float32",
                "--threads=1")) {
            String start = flag.substring(0, flag.indexOf('=') + 1);
            if (Arrays.stream(more).noneMatch(own -> own.startsWith(start))) {
                args.add(flag);
            }
        }
        return run(args, more);
    }

    /** Checks that there is no run: no weights, no metrics, nothing with a temporary name. */
    static void nothingIsWritten(Path output) throws IOException {
        if (Files.exists(output)) {
            assertThat(TinyRun.contents(output)).isEmpty();
        }
    }

    /** Checks that it ended as a mistake of the user's: exit code 2 and one line on stderr with all of {@code parts}. */
    void isMistake(String... parts) {
        assertThat(err).contains(parts);
        assertThat(err.strip().lines()).as(err).hasSize(1);
        assertThat(err).startsWith("dpo4j: ").doesNotContain("\tat ").doesNotContain("Exception");
        assertThat(code).isEqualTo(2);
    }

    void isDone() {
        assertThat(err).isEmpty();
        assertThat(code).isZero();
    }
}
