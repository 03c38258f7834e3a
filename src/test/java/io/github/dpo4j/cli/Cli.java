package io.github.dpo4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
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
