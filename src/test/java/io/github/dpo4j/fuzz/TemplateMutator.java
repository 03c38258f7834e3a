package io.github.dpo4j.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Makes wrong or hostile chat templates of right ones. */
record TemplateMutator(Mutator mutator, List<String> corpus) {
    private static final Pattern TOKEN =
            Pattern.compile("\\{[{%#][-+]?|[-+]?[}%#]\\}|'[^']*'|\\w+|\\s+|[=!<>]=|//|\\*\\*|.", Pattern.DOTALL);

    /** Pieces that cost much, nest or reach out. */
    private static final List<String> HOSTILE = List.of(
            "{% for a in range(99999) %}",
            "{% for a in messages %}",
            "{% endfor %}",
            "{% set ns.s = ns.s ~ ns.s %}",
            "{% set s = s ~ s %}",
            "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}",
            "{% macro m(n) %}{{ m(n + 1) ~ m(n + 1) }}{% endmacro %}{{ m(1) }}",
            "{{ 'x' * 99999999 }}",
            "{{ [messages] * 999999 }}",
            "{{ 9 ** 9 ** 9 }}",
            "{{ '%9999999d' % 1 }}",
            "{{ '{:>9999999}'.format(1) }}",
            "{{ messages.__class__.__mro__ }}",
            "{{ ''.getClass() }}",
            "{{ messages|tojson(indent=9999) }}",
            "{{ range(100000)|list|string|length }}",
            "{{ range(99999)|join('x' * 999) }}",
            "|list",
            "|string",
            "|tojson",
            "|reverse",
            "|map('upper')",
            "|batch(3)",
            "|replace('', 'xxxx')",
            " * 99999",
            " ** 999",
            " ~ messages",
            " + messages",
            "[::-1]",
            ".split('')",
            ".items()",
            " is none",
            " not in ",
            " if x else y",
            "loop.previtem",
            "%c",
            "(((((((((((((((((((((",
            "[[[[[[[[[[[[[[[[[[[[[",
            "not not not not not ",
            "------------",
            "é😀\u2028",
            "{% raw %}",
            "{#",
            "-%}",
            "{%- ");

    String template() {
        List<String> tokens = tokens(mutator.pick(corpus));
        int changes = 1 + mutator.random().nextInt(6);
        for (int i = 0; i < changes && !tokens.isEmpty(); i++) {
            change(tokens);
        }
        String text = String.join("", tokens);
        if (mutator.random().nextInt(6) == 0) {
            text = mutator.text(text);
        }
        return mutator.random().nextInt(10) == 0
                ? new String(mutator.bytewise(text.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8)
                : text;
    }

    private static List<String> tokens(String template) {
        List<String> tokens = new ArrayList<>();
        Matcher matcher = TOKEN.matcher(template);
        while (matcher.find()) {
            tokens.add(matcher.group());
        }
        return tokens;
    }

    private void change(List<String> tokens) {
        int at = mutator.random().nextInt(tokens.size());
        int end = Math.min(tokens.size(), at + 1 + mutator.random().nextInt(8));
        List<String> span = List.copyOf(tokens.subList(at, end));
        switch (mutator.random().nextInt(9)) {
            case 0 -> tokens.subList(at, end).clear();
            case 1 -> tokens.addAll(mutator.random().nextInt(tokens.size()), span);
            case 2 -> {
                String nested = String.join("", span).repeat(mutator.random().nextInt(2000));
                tokens.add(at, nested.substring(0, Math.min(nested.length(), 100_000)));
            }
            case 3 -> tokens.set(at, mutator.pick(tokens));
            case 4 -> tokens.set(at, mutator.pick(tokens(mutator.pick(corpus))));
            case 5 -> {
                List<String> other = tokens(mutator.pick(corpus));
                int from = mutator.random().nextInt(other.size());
                tokens.addAll(at, other.subList(from, Math.min(other.size(), from + 20)));
            }
            default -> tokens.add(at, mutator.pick(HOSTILE));
        }
    }
}
