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

    private static final List<String> WHOLE = List.of(
            "{% for a in range(99999) %}{{ a }}{% endfor %}",
            "{% for a in range(99999) %}{% for b in messages %}{{ b }}{% endfor %}{% endfor %}",
            "{% set big = namespace(s='ab', l=[1]) %}{% for i in range(99) %}{% set big.s = big.s ~ big.s %}{% endfor %}",
            "{% set big = namespace(s='ab', l=[1]) %}{% for i in range(99) %}{% set big.l = big.l + big.l %}{% endfor %}",
            "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}",
            "{% for x in messages recursive %}{{ loop(messages) }}{% endfor %}",
            "{% set messages = messages * 999 %}",
            "{% set messages = messages|tojson %}",
            "{% set tools = messages %}",
            "{% if loop is defined and loop.index > 1 %}{% break %}{% endif %}",
            "{{ messages|string|upper|list|sort|unique|join(',') }}",
            "{{ range(99999)|map('string')|join('é') }}",
            "{{ messages|groupby('role')|list }}",
            "{{ (messages|tojson * 999)|replace('a', 'bb')|length }}",
            "{{ messages[0].content.join(range(999)|map('string')) }}",
            "{{ '%9d%.9f'|format(3, 2.5) * 99999 }}");
    private static final List<String> LITERALS = List.of(
            "''",
            "'\\n'",
            "'é😀'",
            "'x' * 9999999",
            "0",
            "-1",
            "1",
            "99999",
            "9 ** 999",
            "1e308",
            "1 / 3",
            "none",
            "true",
            "[]",
            "{}",
            "messages",
            "range(9999)",
            "(1, 2)",
            "'%s' % messages",
            "'{}'.format(messages)");
    private static final List<String> OPERATORS = List.of(
            "==", "!=", "<", ">=", "+", "-", "~", "*", "//", "%", "and", "or", "in", "not in", "**", "is", "is not");
    private static final List<String> NAMES =
            List.of("messages", "message", "tools", "loop", "ns", "content", "role", "items", "nothing", "bos_token");
    private static final List<String> SUFFIXES = List.of(
            "|list",
            "|string",
            "|tojson",
            "|tojson(indent=2)",
            "|trim",
            "|length",
            "|reverse|list",
            "|upper",
            "|default('')",
            "[0]",
            "[-1]",
            "[1:]",
            "[::-1]",
            ".role",
            ".items()",
            ".split()",
            ".x.y",
            " * 9",
            "|map('length')|list",
            "|sort",
            "|join",
            "|first",
            "|items|list",
            "|batch(2)|list",
            "|replace('e', 'ee')");

    String template() {
        List<String> tokens = tokens(mutator.pick(corpus));
        int changes = 1 + mutator.random().nextInt(6);
        if (mutator.random().nextBoolean()) {
            for (int i = 0; i < changes; i++) {
                changeGently(tokens);
            }
            return String.join("", tokens);
        }
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

    /** Changes that leave most templates readable, so that what they cost when rendered is tried too. */
    private void changeGently(List<String> tokens) {
        int at = mutator.random().nextInt(tokens.size());
        String token = tokens.get(at);
        if (token.endsWith("}") && token.length() > 1) {
            tokens.add(at + 1, mutator.pick(WHOLE));
        } else if (token.startsWith("'") || token.matches("\\d+")) {
            tokens.set(at, mutator.pick(LITERALS));
        } else if (token.matches("[=!<>]=|[-+~*/%]|and|or|in|is")) {
            tokens.set(at, mutator.pick(OPERATORS));
        } else if (token.matches("[a-z_]+") && at > 0) {
            boolean name = mutator.random().nextInt(3) == 0;
            tokens.set(at, name ? mutator.pick(NAMES) : token + mutator.pick(SUFFIXES));
        }
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
