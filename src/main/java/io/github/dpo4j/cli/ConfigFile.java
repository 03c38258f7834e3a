package io.github.dpo4j.cli;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** --config FILE.yaml: the keys of the command's options, in snake_case or kebab-case; what the command line names itself wins. */
final class ConfigFile {
    private static final String FLAG = "--config";

    private ConfigFile() {}

    /** Returns the arguments with those of the config file behind them, but for keys that the command line has. */
    static String[] expand(String[] args, CommandLine root) {
        Optional<String> file = named(args);
        CommandLine command = args.length == 0 ? null : root.getSubcommands().get(args[0]);
        if (file.isEmpty() || command == null) {
            return args;
        }
        List<String> expanded = new ArrayList<>(Arrays.asList(args));
        JsonNode config = read(Path.of(file.get()));
        for (Map.Entry<String, JsonNode> entry : config.properties()) {
            String option = "--" + entry.getKey().replace('_', '-');
            OptionSpec spec = command.getCommandSpec().findOption(option);
            if (spec == null || option.equals(FLAG)) {
                List<String> known =
                        command.getCommandSpec().optionsMap().keySet().stream().toList();
                throw new UserError(file.get() + ": unknown key '" + entry.getKey() + "' for " + args[0]
                        + Suggestions.nearest(option, known)
                                .map(name ->
                                        "; did you mean '" + name.substring(2).replace('-', '_') + "'?")
                                .orElse("; --help lists what there is"));
            }
            boolean given = Arrays.stream(args)
                    .map(arg -> arg.contains("=") ? arg.substring(0, arg.indexOf('=')) : arg)
                    .anyMatch(arg -> Arrays.asList(spec.names()).contains(arg));
            if (!given) {
                append(expanded, option, spec, entry.getValue(), file.get());
            }
        }
        return expanded.toArray(String[]::new);
    }

    private static void append(List<String> args, String option, OptionSpec spec, JsonNode value, String file) {
        if (value.isNull()) {
            return;
        }
        if (value.isArray()) {
            value.forEach(element -> append(args, option, spec, element, file));
        } else if (value.isObject()) {
            throw new UserError(file + ": '" + option.substring(2) + "' must be a value or a list, not a mapping");
        } else if (spec.arity().max() == 0) {
            if (!value.isBoolean()) {
                throw new UserError(file + ": '" + option.substring(2) + "' must be true or false, not " + value);
            }
            if (value.asBoolean()) {
                args.add(option);
            }
        } else {
            args.add(option + "=" + value.asText());
        }
    }

    private static Optional<String> named(String[] args) {
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals(FLAG) && i + 1 < args.length) {
                return Optional.of(args[i + 1]);
            }
            if (args[i].startsWith(FLAG + "=")) {
                return Optional.of(args[i].substring(FLAG.length() + 1));
            }
        }
        return Optional.empty();
    }

    /** The parser's message without the excerpts of the file, which it indents. */
    private static String oneLine(String message) {
        return message.lines().filter(line -> !line.startsWith(" ")).collect(Collectors.joining(", "));
    }

    private static JsonNode read(Path file) {
        try {
            JsonNode config = new YAMLMapper().readTree(Files.readString(file));
            if (config == null || !config.isObject()) {
                throw new UserError(file + " is not a YAML mapping of settings");
            }
            return config;
        } catch (JacksonException e) {
            throw new UserError(
                    file + " is not valid YAML: " + oneLine(e.getOriginalMessage()) + " (line "
                            + (e.getLocation() == null ? "?" : e.getLocation().getLineNr()) + ")",
                    e);
        } catch (IOException e) {
            throw new UserError("cannot read --config " + file + ": " + e.getMessage(), e);
        }
    }
}
