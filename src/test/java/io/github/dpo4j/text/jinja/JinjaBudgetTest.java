package io.github.dpo4j.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hostile templates end in an error: they neither hang nor exhaust the memory or the stack. */
@Timeout(60)
class JinjaBudgetTest {
    private static String render(String template) {
        return Template.parse(template).render(Map.of(), Clock.systemUTC());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // endless or nearly endless work
                "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
                "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
                "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(50) }}",
                "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
                "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s|replace('a', ns.s) %}{% endfor %}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
                "{% set ns = namespace(l=[]) %}{% for i in range(99) %}{% set ns.l = ns.l + ['x' * 9000000] %}{% endfor %}",
                "{{ 'x' * 99999999 }}",
                "{{ [0] * 999999999 }}",
                "{{ range(100001)|list }}",
                "{{ 9 ** 99999 }}",
                "{{ '%99999999d' % 1 }}",
                "{{ '{:>999999999}'.format(1) }}",
                "{{ 'x'.ljust(999999999) }}",
                "{{ 'x'|center(999999999) }}",
                "{{ 'a\\nb'|indent(99999999) }}",
                "{{ [1]|tojson(indent=99999999) }}",
                "{{ [1]|batch(99999, 'x' * 9)|list * 99999999 }}",
                "{% set s = 'a' * 4000000 %}{% for i in range(99999) %}{{ (s ~ 'b') in (s ~ s) }}{% endfor %}",
                "{% set s = ('a' * 64 ~ 'b') * 9999 %}{% for i in range(9999) %}{{ s.count('a' * 64 ~ 'b') }}{% endfor %}",
                // nesting
                "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x|tojson }}",
                "{% set ns = namespace(x=[], y=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}"
                        + "{% endfor %}{{ ns.x == ns.y }}",
                "{% set ns = namespace(x=['a']) %}{% for i in range(9999) %}{% set ns.x = ns.x|map('upper') %}{% endfor %}"
                        + "{% for i in ns.x %}{% endfor %}",
                "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
                "{% for x in [[]] recursive %}{{ loop([[]]) }}{% endfor %}",
                // growing numbers
                "{% set ns = namespace(n=9) %}{% for i in range(99999) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
                "{% for i in range(99999) %}{{ 9 ** 5000 % 7 ** 3000 }}{% endfor %}",
                "{% for i in range(99999) %}{{ (9 ** 4000)|string|length }}{% endfor %}",
                "{% for i in range(99999) %}{{ ('9' * 4000)|int % 7 }}{% endfor %}",
                "{% for i in range(99999) %}{{ '%.999f' % 0.1 }}{% endfor %}",
                "{{ '%.*f' % (99999, 1) }}",
                "{{ 3|round(99999) }}",
                // much from little
                "{{ [[0] * 999] * 99999 }}",
                "{{ range(99999)|join('x' * 99) }}",
                "{{ ('x ' * 1999999).split()|length }}",
                "{{ ('\u00e9' * 3999999)|tojson(ensure_ascii=true) }}",
                "{{ '\t'.expandtabs(99999999) }}",
                "{{ 'a'|slice(99999999)|list }}",
                "{% for i in range(99999) %}{{ range(999)|map('string')|map('upper')|list|sort|join }}{% endfor %}",
                "{% for a in range(99999) %}{% for b in range(99999) %}{% set x = namespace(a=1) %}{% endfor %}{% endfor %}",
                "{% for a in range(99999) %}{% for b in range(99999) %}{{ {}|items|list }}{% endfor %}{% endfor %}",
                "{% for a in range(99999) %}{{ 'abc def ' * 999|title }}{% endfor %}",
            })
    void aHostileTemplateEndsInAnErrorBeforeItTakes100Megabytes(String template) {
        ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = thread.getCurrentThreadAllocatedBytes();
        assertThatThrownBy(() -> render(template))
                .isInstanceOfSatisfying(
                        TemplateException.class,
                        e -> assertThat(e.raisedByTemplate()).isFalse())
                .hasMessageStartingWith("chat template, line 1: ");
        assertThat(thread.getCurrentThreadAllocatedBytes() - before).isLessThan(110_000_000);
    }

    @Test
    void aHugeTemplateIsRefused() {
        assertThatThrownBy(() -> Template.parse("{{ 1 }}".repeat(200_000))).isInstanceOf(TemplateException.class);
    }

    @Test
    void whatALongConversationCostsIsAllowed() {
        ArrayNode messages = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < 1000; i++) {
            messages.addObject().put("role", i % 2 == 0 ? "user" : "assistant").put("content", "word ".repeat(200));
        }
        String template = "{% for m in messages %}{% set content = m.content|trim %}"
                + "{% if loop.index0 > 0 and m.role == messages[loop.index0 - 1].role %}{{ raise_exception('twice') }}{% endif %}"
                + "{{ '<|im_start|>' + m.role + '\n' + content.split('</think>')[-1].lstrip('\n') + '<|im_end|>\n' }}"
                + "{% endfor %}";
        assertThat(Template.parse(template).render(Map.of("messages", messages), Clock.systemUTC()))
                .hasSizeGreaterThan(1_000_000);
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "[", "{1:", "not ", "-", "f(", "a[", "a if "})
    void deepNestingInTheSourceIsRefused(String opening) {
        assertThatThrownBy(() -> Template.parse("{{ " + opening.repeat(100_000)))
                .isInstanceOf(TemplateException.class);
    }

    @Test
    void deepTagsAreRefused() {
        assertThatThrownBy(() -> Template.parse("{% if a %}".repeat(100_000))).isInstanceOf(TemplateException.class);
    }

    @Test
    void aLongChainOfOperatorsIsRefusedOrRendered() {
        assertThat(render("{{ 1" + " + 1".repeat(200) + " }}")).isEqualTo("201");
        assertThatThrownBy(() -> render("{{ 1" + " + 1".repeat(100_000) + " }}"))
                .isInstanceOf(TemplateException.class);
    }

    @Test
    void deepVariablesAreRefused() {
        JsonNode deep = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < 100_000; i++) {
            deep = JsonNodeFactory.instance.arrayNode().add(deep);
        }
        JsonNode variable = deep;
        assertThatThrownBy(() -> Template.parse("").render(Map.of("deep", variable), Clock.systemUTC()))
                .isInstanceOf(TemplateException.class);
    }

    @Test
    void theDepthThatIsAllowedFitsASmallStack() throws InterruptedException {
        AtomicReference<String> message = new AtomicReference<>("");
        Thread small = new Thread(
                null,
                () -> {
                    try {
                        render(
                                "{% macro m() %}{% if true %}{{ [(m() ~ '')|upper] }}{% endif %}{% endmacro %}{{ m() }}");
                    } catch (TemplateException e) {
                        message.set(String.valueOf(e.getMessage()));
                    }
                },
                "small stack",
                512 * 1024);
        small.start();
        assertThat(small.join(Duration.ofSeconds(60))).isTrue();
        assertThat(message.get()).contains("nest deeper than 400");
    }

    @Test
    void noTemplateReachesAJavaObject() {
        assertThat(render("{{ ''.__class__ }}|{{ [].getClass is defined }}|{{ {}.class }}|{{ range.__globals__ }}"))
                .isEqualTo("|False||");
        assertThatThrownBy(() -> render("{{ ''.__class__.__mro__ }}"))
                .hasMessageContaining("access to attribute '__class__' of 'str' object is unsafe");
        assertThatThrownBy(() -> render("{{ ''.getClass() }}")).isInstanceOf(TemplateException.class);
    }

    @Test
    void listsAndDictsCannotBeChanged() {
        for (String change : new String[] {"[1].append(2)", "[1].pop()", "{}.update(a=1)", "{'a': 1}.pop('a')"}) {
            assertThatThrownBy(() -> render("{{ " + change + " }}")).hasMessageContaining("is unsafe");
        }
    }
}
