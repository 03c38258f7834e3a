package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.data.RowParser.Parsed;
import io.github.dpo4j.data.RowSource.RawRow;
import io.github.dpo4j.file.AtomicFiles;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/**
 * Reads datasets; docs/data-formats.md shows every shape of row. DATASET arguments are files, globs or folders.
 *
 * <p>Every method throws {@link UserError} where a file is missing, unreadable, truncated or empty, where no row of all files
 * is usable, and under {@link OnBadRow#FAIL} at the first bad row.
 *
 * @param skippedRows where the rows skipped under {@link OnBadRow#SKIP} are written, a JSON object a line with {@code file},
 *     {@code line}, {@code reason} and {@code row}; written even when no row is skipped, so that it never tells of an older
 *     run; null for nowhere, and under {@link OnBadRow#FAIL}
 */
public record DatasetReader(OnBadRow onBadRow, @Nullable Path skippedRows) {
    /** A longer row is a bad one: it is far beyond any context length, and a file without line ends must not fill the heap. */
    static final int MAX_ROW_BYTES = 64 << 20;

    public DatasetReader {
        if (onBadRow == OnBadRow.FAIL && skippedRows != null) {
            throw new IllegalArgumentException("there is a file for skipped rows, but none will be skipped");
        }
    }

    public static DatasetReader failing() {
        return new DatasetReader(OnBadRow.FAIL, null);
    }

    public static DatasetReader skipping(@Nullable Path skippedRows) {
        return new DatasetReader(OnBadRow.SKIP, skippedRows);
    }

    public Rows<PreferenceExample> preferences(List<String> datasets) {
        return read(datasets, PreferenceRow::parse);
    }

    /** Reads ranked completions, and pairs as rankings of two. */
    public Rows<RankedExample> rankings(List<String> datasets) {
        return read(datasets, RankingRow::parse);
    }

    public Rows<SftExample> sft(List<String> datasets) {
        return read(datasets, SftRow::parse);
    }

    public Rows<PromptExample> prompts(List<String> datasets) {
        return read(datasets, PromptRow::parse);
    }

    public Rows<RenderExample> renderings(List<String> datasets) {
        return read(datasets, RenderRow::parse);
    }

    private <T> Rows<T> read(List<String> datasets, RowParser<T> parser) {
        List<T> examples = new ArrayList<>();
        List<BadRow> skipped = new ArrayList<>();
        List<DatasetFile> files = new ArrayList<>();
        long diverged = 0;
        for (Path file : DatasetPaths.resolve(datasets)) {
            long rows = 0;
            try (RowSource source = RowSource.open(file, MAX_ROW_BYTES)) {
                for (RawRow raw = source.next(); raw != null; raw = source.next()) {
                    rows++;
                    Origin origin = new Origin(file, raw.line());
                    try {
                        Parsed<T> parsed = parser.parse(origin, columns(raw));
                        examples.add(parsed.example());
                        diverged += parsed.diverged() ? 1 : 0;
                    } catch (BadRowException e) {
                        BadRow bad =
                                new BadRow(origin, e.reason(), new String(raw.bytes(), StandardCharsets.UTF_8).strip());
                        if (onBadRow == OnBadRow.FAIL) {
                            throw new UserError(
                                    bad + "; mend the row, or leave such rows out with --on-bad-row skip", e);
                        }
                        skipped.add(bad);
                    }
                }
                files.add(new DatasetFile(file, source.finishSha256(), rows));
            } catch (IOException e) {
                throw new UserError(file + ": " + readFailure(e, rows), e);
            }
            if (rows == 0) {
                throw new UserError(file + ": the file holds no rows");
            }
        }
        if (skippedRows != null) {
            write(skippedRows, skipped);
        }
        if (examples.isEmpty()) {
            throw new UserError("every one of the " + skipped.size() + " rows was skipped, the first because: "
                    + skipped.getFirst());
        }
        return new Rows<>(examples, skipped, diverged, files);
    }

    private static RowColumns columns(RawRow raw) throws BadRowException {
        if (raw.tooLong()) {
            throw new BadRowException("the row is longer than " + (MAX_ROW_BYTES >> 20) + " MiB");
        }
        return RowColumns.parse(raw.bytes());
    }

    private static String readFailure(IOException e, long rows) {
        String after = rows == 1 ? "after 1 row" : "after " + rows + " rows";
        return switch (e) {
            case EOFException _ ->
                "the file is truncated: it ends " + after + " in the middle of its data; fetch it again";
            case ZipException _ -> "the gzip data is damaged " + after + " (" + e.getMessage() + "); fetch it again";
            case AccessDeniedException _ -> "the file may not be read by this user";
            default -> "the file cannot be read " + after + " (" + e.getMessage() + ")";
        };
    }

    private static void write(Path sideFile, List<BadRow> rows) {
        ObjectMapper json = new ObjectMapper();
        try {
            Path folder = sideFile.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            AtomicFiles.write(sideFile, out -> {
                for (BadRow row : rows) {
                    ObjectNode line = json.createObjectNode();
                    line.put("file", row.origin().file().toString());
                    line.put("line", row.origin().line());
                    line.put("reason", row.reason());
                    line.put("row", row.raw());
                    out.write(json.writeValueAsBytes(line));
                    out.write('\n');
                }
            });
        } catch (IOException e) {
            throw new UserError(sideFile + ": the skipped rows cannot be written there (" + e.getMessage() + ")", e);
        }
    }
}
