package io.github.dpo4j.model.lora;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.LinearModule;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Which linear layers get an adapter, as PEFT's target_modules says it. */
public sealed interface LoraTargets {
    /** True for a module that gets one. */
    boolean has(LinearModule module);

    /** All linear layers but the output head. */
    record AllLinear() implements LoraTargets {
        @Override
        public boolean has(LinearModule module) {
            return !module.head();
        }

        @Override
        public String toString() {
            return ALL_LINEAR;
        }
    }

    /** Modules of these names, or whose names end so: q_proj means all of that name. */
    record Named(List<String> names) implements LoraTargets {
        public Named {
            names = List.copyOf(names);
        }

        @Override
        public boolean has(LinearModule module) {
            return names.stream().anyMatch(name -> isNamed(name, module.name()));
        }

        @Override
        public String toString() {
            return String.join(",", names);
        }
    }

    /** Modules whose whole name matches a regular expression. */
    record Matching(String regex) implements LoraTargets {
        public Matching {
            try {
                Pattern.compile(regex);
            } catch (PatternSyntaxException e) {
                throw new UserError(
                        "--lora-target-modules: '" + regex + "' is no regular expression: " + e.getDescription(), e);
            }
        }

        @Override
        public boolean has(LinearModule module) {
            return module.name().matches(regex);
        }

        @Override
        public String toString() {
            return regex;
        }
    }

    String ALL_LINEAR = "all-linear";

    /** True for a module of this name, or whose name ends so. */
    static boolean isNamed(String name, String module) {
        return module.equals(name) || module.endsWith("." + name);
    }

    /** Reads all-linear, names with commas, or one regular expression: what no name could be is one. */
    static LoraTargets parse(String text) {
        if (text.equals(ALL_LINEAR)) {
            return new AllLinear();
        }
        if (text.isBlank()) {
            throw new UserError("--lora-target-modules is empty; it is all-linear, names with commas, or a pattern");
        }
        return text.matches("[\\w., -]+")
                ? new Named(List.of(text.split(",", -1)).stream()
                        .map(String::strip)
                        .filter(name -> !name.isEmpty())
                        .toList())
                : new Matching(text);
    }
}
