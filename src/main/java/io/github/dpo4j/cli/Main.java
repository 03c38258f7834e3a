package io.github.dpo4j.cli;

import io.github.dpo4j.UserError;
import io.github.dpo4j.file.AtomicFiles;
import io.github.dpo4j.torch.TorchError;
import io.github.dpo4j.train.NonFiniteException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileSystemException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line. Exit codes: 0 done, 1 failed at run time, 2 the user's mistake, 130 and 143 stopped by a signal. */
@Command(
        name = "dpo4j",
        description = "Aligns language models with preferences: SFT, DPO and evaluation on the JVM.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        subcommands = {
            QuickstartCommand.class,
            SftCommand.class,
            DpoCommand.class,
            TokenizeCommand.class,
            RenderCommand.class,
            LogpsCommand.class,
            GenerateCommand.class,
            SampleCommand.class,
            MergeCommand.class,
            BenchCommand.class
        })
public final class Main {
    private static final int DONE = 0;
    private static final int FAILED = 1;
    private static final int MISTAKE = 2;

    Main() {}

    public static void main(String[] args) {
        int code = run(
                args,
                new PrintWriter(System.out, true, System.out.charset()),
                new PrintWriter(System.err, true, System.err.charset()));
        System.exit(code);
    }

    /** Runs a command line in this JVM and returns its exit code. */
    static int run(String[] args, PrintWriter out, PrintWriter err) {
        CommandLine commandLine = new CommandLine(new Main())
                .setOut(out)
                .setErr(err)
                .setUsageHelpWidth(110)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler((e, _) -> mistake(err, sentence(e)))
                .setExecutionExceptionHandler((e, _, _) -> failed(e, err));
        if (args.length == 0) {
            commandLine.usage(out);
            return DONE;
        }
        try {
            return commandLine.execute(ConfigFile.expand(args, commandLine));
        } catch (UserError e) {
            return mistake(err, e.getMessage());
        } catch (OutOfMemoryError e) {
            err.println("dpo4j: the Java heap is full; give it more with JAVA_TOOL_OPTIONS=-Xmx8g, or use less data");
            return FAILED;
        }
    }

    private static String sentence(ParameterException e) {
        if (e instanceof UnmatchedArgumentException unmatched) {
            String word = unmatched.getUnmatched().getFirst();
            String what = word.startsWith("-") ? "unknown option " + word : "unexpected argument '" + word + "'";
            return Suggestions.nearest(word, Suggestions.names(e.getCommandLine()))
                    .map(name -> what + "; did you mean " + name + "?")
                    .orElse(what + "; --help lists what there is");
        }
        String message = e.getMessage() == null ? "" : e.getMessage();
        return message.lines().findFirst().orElse("the command line cannot be read");
    }

    private static int mistake(PrintWriter err, String sentence) {
        err.println("dpo4j: " + sentence);
        err.flush();
        return MISTAKE;
    }

    private static int failed(Exception e, PrintWriter err) {
        switch (e) {
            case UserError mistake -> {
                return mistake(err, mistake.getMessage());
            }
            case NonFiniteException nonFinite -> err.println("dpo4j: " + nonFinite.getMessage());
            case IOException io ->
                err.println("dpo4j: "
                        + (io instanceof FileSystemException file && file.getFile() != null
                                ? file.getFile() + ": "
                                : "")
                        + AtomicFiles.reason(io) + "; what was written before is intact");
            default -> {
                if (TorchError.isOutOfMemory(e)) {
                    err.println("dpo4j: out of memory (" + TorchError.firstLine(e)
                            + "); lower --per-device-train-batch-size or --max-length");
                } else {
                    e.printStackTrace(err);
                }
            }
        }
        err.flush();
        return FAILED;
    }
}
