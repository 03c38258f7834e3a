package io.github.dpo4j.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Small templates of every construct. The expected texts are what jinja2 3.1.6 gives for them in an ImmutableSandboxedEnvironment
 * with trim_blocks, lstrip_blocks, loopcontrols and transformers' tojson, raise_exception and strftime_now.
 */
class JinjaRenderTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-21T09:05:07Z"), ZoneOffset.UTC);
    private static final String VARIABLES = """
            {"s": "Hello <World>\\n two  words é😀x", "n": 7, "f": 2.5, "none_value": null,
            "list": [3, 1, 2], "names": ["b", "A", "a"], "dict": {"b": 1, "a": [1, {"c": null}]},
            "messages": [{"role": "user", "content": " Hi\\n"}, {"role": "assistant", "content": null, "calls": [{"name": "f", "arguments": {"x": 1.0, "y": 1e+20}}]}, {"role": "user", "content": "ok"}]}
            """;

    private static String render(String template) {
        Map<String, JsonNode> variables = new LinkedHashMap<>();
        try {
            new ObjectMapper()
                    .readTree(VARIABLES)
                    .properties()
                    .forEach(entry -> variables.put(entry.getKey(), entry.getValue()));
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
        return Template.parse(template).render(variables, CLOCK);
    }

    private static void renders(String template, String expected) {
        assertThat(render(template)).as(template).isEqualTo(expected);
    }

    private static void fails(String template) {
        assertThatThrownBy(() -> render(template))
                .as(template)
                .isInstanceOf(TemplateException.class)
                .hasMessageStartingWith("chat template, line 1: ");
    }

    @Test
    void whitespaceControlFollowsTrimAndLstripBlocks() {
        renders("a\n  {% if true %}\nb\n  {% endif %}\nc", "a\nb\nc");
        renders("  {{ n }}  \n", "  7  ");
        renders("x {%- if true -%} y {%- endif -%} z", "xyz");
        renders("  {%+ if true +%}\na{% endif %}\nb", "  \nab");
        renders("a {#- gone -#} b", "ab");
        renders("  {# line #}\nb", "b");
        renders("a\n\n", "a\n");
        renders("a\n{{ n -}}\n\n b", "a\n7b");
        renders("{% raw %}\n {{ x }} {% if %}\n  {% endraw %}\nb", "\n {{ x }} {% if %}\nb");
        renders("a {%- raw -%} {{ x }} {%- endraw -%} b", "a{{ x }}b");
        renders("a\r\nb\rc", "a\nb\nc");
        renders("\t{% set x = 1 %}\t\n{{ x }}", "\t\n1");
        renders("{{ {'a': {'b': n}}['a']['b'] }}", "7");
        renders("{{- n }}{{+ n }}", "77");
        renders("x{% if true %}\n{% endif %}\n\ny", "x\ny");
    }

    @Test
    void scopesAreJinjas() {
        renders("{% set x = 1 %}{% for i in list %}{% set x = i %}{% endfor %}{{ x }}", "1");
        renders("{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "2");
        renders(
                "{% set ns = namespace(found=false) %}{% for i in list %}{% if i == 1 %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }}",
                "True");
        renders("{% with x = 1, y = n %}{{ x }}{{ y }}{% endwith %}{{ x }}", "17");
        renders("{% set x %}a{{ n }}{% set n = 9 %}{% endset %}{{ x }}{{ n }}", "a77");
        renders("{% set x | upper | trim %} a {% endset %}[{{ x }}]", "[A]");
        renders("{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}", "1");
        renders("{% set a, b = 1, [2] %}{{ a }}{{ b }}", "1[2]");
        renders("{% for i in list %}{{ x }}{% set x = i %}{% endfor %}", "");
        renders("{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}{{ x }}", "1");
        renders("{% set loop = 5 %}{{ loop }}", "5");
    }

    @Test
    void loopsKnowTheirPlace() {
        renders(
                "{% for i in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}",
                "1032TrueFalse3;2121FalseFalse3;3210FalseTrue3;");
        renders(
                "{% for i in list %}[{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }}]{% endfor %}",
                "[<3>1][3<1>2][1<2>]");
        renders("{% for i in list if i != 1 %}{{ loop.index }}/{{ loop.length }}={{ i }} {% endfor %}", "1/2=3 2/2=2 ");
        renders("{% for k, v in dict.items() %}{{ k }}={{ v }};{% endfor %}", "b=1;a=[1, {'c': None}];");
        renders("{% for i in [] %}x{% else %}none{% endfor %}", "none");
        renders(
                "{% for i in list %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% if loop.last %}{% break %}{% endif %}{% endfor %}",
                "32");
        renders("{% for i in list %}{% break %}{% else %}else{% endfor %}", "else");
        renders("{% for c in 'é😀' %}{{ c }},{% endfor %}", "é,😀,");
        renders("{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}", "531");
        renders(
                "{% for i in list %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i > 1) }}{% endfor %}",
                "aTruebTrueaTrue");
        renders(
                "{% for i in list %}{% for j in [1] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
                "111213");
        renders(
                "{% for m in messages|selectattr('role', 'equalto', 'user') %}{{ loop.length }}{{ m.content }}{% endfor %}",
                "2 Hi\n2ok");
        renders("{% for i in missing %}x{% endfor %}", "");
        renders("{% for (a, b), c in [[(1, 2), 3]] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "123");
    }

    @Test
    void macrosTakeArgumentsAsPythonsFunctions() {
        renders(
                "{% macro m(a, b=a) %}{{ a }}-{{ b }};{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}{{ m() }}",
                "1-1;1-2;4-3;-;");
        renders("{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, x=2) }}", "(1,){'x': 2}");
        renders("{% macro m() %}<{{ caller(5) }}>{% endmacro %}{% call(x) m() %}{{ x }}{{ n }}{% endcall %}", "<57>");
        renders("{% macro f(x) %}{{ x }}{% if x %}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "3210");
        renders(
                "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'a': 2}) }}{{ m.name }}{{ m.arguments }}",
                "12m('a',)");
        renders("{% filter upper | replace('A', 'o') %}banana{% endfilter %}", "BoNoNo");
    }

    @Test
    void operatorsArePythons() {
        renders(
                "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }}",
                "3 -4 2 3.5 1024 0.5 64 4");
        renders(
                "{{ 1 + 2.0 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 9007199254740993 + 0 }} {{ 2 ** 70 }} {{ true + true }}",
                "3.0 3.0 0.5 9007199254740993 1180591620717411303424 2");
        renders(
                "{{ 'a' ~ 1 ~ none ~ 2.0 ~ [1] }} {{ 'ab' * 2 }} {{ [1] + [2] }} {{ (1,) + (2,) }}",
                "a1None2.0[1] abab [1, 2] (1, 2)");
        renders(
                "{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 == true }} {{ 'a' < 'b' }} {{ '\ufffd' < '😀' }} {{ [1, 2] < [1, 3] }}",
                "True False True True True True");
        renders(
                "{{ 'a' in 'abc' }} {{ 1 in [1.0] }} {{ 'b' in dict }} {{ 'z' not in dict }} {{ 3 in dict.values() }}",
                "True True True True False");
        renders(
                "{{ 0 or 'x' }} {{ [] and 1 }} {{ not '' }} {{ not 1 == 2 }} {{ none or missing or 0 }}",
                "x [] True True 0");
        renders("{{ 'a' if n > 5 else 'b' }} {{ 'a' if false }} {{ 1 if false else 2 if false else 3 }}", "a  3");
        renders(
                "{{ 's: %s, r: %r, d: %d, f: %.2f, x: %x, %5s|%-5s|%05d, %%' % ('a', 'b', 3.9, 2.675, 255, 'p', 'q', 42) }}",
                "s: a, r: 'b', d: 3, f: 2.67, x: ff,     p|q    |00042, %");
        renders("{{ '%(a)s' % {'a': 1} }} {{ '%e %g %g' % (12345.678, 0.00001, 1e20) }}", "1 1.234568e+04 1e-05 1e+20");
        renders(
                "{{ list[0] }} {{ list[-1] }} [{{ list[9] }}] {{ list[1:] }} {{ list[::-1] }} {{ list[:-1] }} {{ list[-9:9:2] }} {{ s[-2] }}{{ s[-3:] }} {{ s[::-1][:3] }}",
                "3 2 [] [1, 2] [2, 1, 3] [3, 1] [3, 2] 😀é😀x x😀é");
        renders(
                "{{ dict.a[1]['c'] }} {{ dict['b'] }} [{{ dict.zz }}] {{ messages[1].calls[0].arguments.y }} {{ list.0 }}",
                "None 1 [] 1e+20 3");
        renders(
                "{{ {1: 'int', 'k': 2}[true] }} {{ {'items': 5}.items is callable }} {{ {'items': 5}['items'] }}",
                "int True 5");
        renders(
                "{{ 0x1f }} {{ 1_000 }} {{ 1e3 }} {{ 'a' 'b' }} {{ \"\\t\\x41\\u00e9\\\\\" }} {{ 0b11 + 0o17 }}",
                "31 1000 1000.0 ab \tAé\\ 18");
    }

    @Test
    void valuesPrintAsInPython() {
        renders(
                "{{ true }} {{ none }} {{ 1.0 }} {{ 1e16 }} {{ 1e15 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1.5e300 }} {{ -0.0 }}",
                "True None 1.0 1e+16 1000000000000000.0 0.0001 1e-05 1.5e+300 -0.0");
        renders(
                "{{ [1, 'a', none, true, 2.5, (1,), {}, ()] }} {{ {'k': 'v', 1: [2]} }}",
                "[1, 'a', None, True, 2.5, (1,), {}, ()] {'k': 'v', 1: [2]}");
        renders(
                "{{ [\"it's\", 'say \"x\"', 'both \\' \"', 'a\\nb\\\\', 'é😀', '\\x00\\u200b'] }}",
                "[\"it's\", 'say \"x\"', 'both \\' \"', 'a\\nb\\\\', 'é😀', '\\x00\\u200b']");
        renders(
                "{{ range(3) }} {{ dict.keys() }} {{ dict.items() }} {{ namespace(a=1) }}",
                "range(0, 3) dict_keys(['b', 'a']) dict_items([('b', 1), ('a', [1, {'c': None}])]) <Namespace {'a': 1}>");
        renders(
                "[{{ missing }}] {{ [missing] }} {{ ('a'|e) ~ '<' }} {{ '<'|e + '<' }} {{ ['<'|safe] }}",
                "[] [Undefined] a< &lt;&lt; [Markup('<')]");
    }

    @Test
    void filtersAreJinjas() {
        renders(
                "{{ '  a '|trim }}|{{ 'xax'|trim('x') }}|{{ 'aB c-d'|title }}|{{ 'aB'|capitalize }}|{{ 'ß'|upper }}",
                "a|a|Ab C-D|Ab|SS");
        renders(
                "{{ missing|default('d') }} {{ none|default('d') }} {{ ''|d('d', true) }} {{ dict.zz|default(dict.b) }}",
                "d None d 1");
        renders(
                "{{ list|first }}{{ list|last }}{{ list|length }}{{ list|sum }}{{ list|min }}{{ list|max }}{{ list|sort }}{{ list|sort(reverse=true) }}{{ list|reverse|list }}{{ 'abc'|reverse }}",
                "323613[1, 2, 3][3, 2, 1][2, 1, 3]cba");
        renders(
                "{{ names|sort }} {{ names|sort(case_sensitive=true) }} {{ names|unique|list }} {{ names|join('-') }} {{ messages|map(attribute='role')|join(',') }} {{ messages|sort(attribute='role')|map(attribute='role')|list }}",
                "['A', 'a', 'b'] ['A', 'a', 'b'] ['b', 'A'] b-A-a user,assistant,user ['assistant', 'user', 'user']");
        renders(
                "{{ dict|dictsort }} {{ {'b': 1, 'a': 2}|dictsort(by='value', reverse=true) }} {{ dict|items|list }} {{ dict|list }}",
                "[('a', [1, {'c': None}]), ('b', 1)] [('a', 2), ('b', 1)] [('b', 1), ('a', [1, {'c': None}])] ['b', 'a']");
        renders(
                "{{ messages|selectattr('content')|list|length }} {{ messages|rejectattr('role', 'eq', 'user')|map(attribute='role')|list }} {{ [0, 1, none, 'a']|select|list }} {{ list|select('>', 1)|list }} {{ list|reject('odd')|list }} {{ names|map('upper')|list }} {{ [{}]|map(attribute='a', default='q')|list }}",
                "2 ['assistant'] [1, 'a'] [3, 2] [2] ['B', 'A', 'A'] ['q']");
        renders(
                "{{ '42'|int }} {{ '4.7'|int }} {{ 'x'|int(9) }} {{ 'ff'|int(base=16) }} {{ -2.9|int }} {{ '1.5'|float }} {{ 'x'|float }} {{ 3|float }} {{ -3|abs }} {{ none|int }}",
                "42 4 9 255 -2 1.5 0.0 3.0 3 0");
        renders(
                "{{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 2.1|round(method='ceil') }} {{ 2.19|round(1, 'floor') }} {{ 7|round }} {{ 7|string ~ 1 }}",
                "2.0 4.0 2.67 3.0 2.1 7 71");
        renders(
                "{{ 'a\\n\\nb'|indent }}|{{ 'a\\nb'|indent(2, true) }}|{{ 'a\\n\\nb'|indent('> ', blank=true) }}",
                "a\n\n    b|  a\n  b|a\n> \n> b");
        renders(
                "{{ 'aaa'|replace('a', 'b', 2) }} {{ 'ab'|replace('', '-') }} {{ '<a href=\"x\">'|e }} {{ list|batch(2, 0)|list }} {{ '%s-%s'|format(1, 2) }} {{ dict|attr('x') }}",
                "bba -a-b- &lt;a href=&#34;x&#34;&gt; [[3, 1], [2, 0]] 1-2 ");
        renders(
                "{{ (list|map('string')) is defined }} {{ messages|selectattr('zz') is iterable }} {{ 1 if messages|selectattr('zz') else 2 }}",
                "True True 1");
    }

    @Test
    void tojsonIsPythonsJsonDumps() {
        renders(
                "{{ messages|tojson }}",
                "[{\"role\": \"user\", \"content\": \" Hi\\n\"}, {\"role\": \"assistant\", \"content\": null, \"calls\": [{\"name\": \"f\", \"arguments\": {\"x\": 1.0, \"y\": 1e+20}}]}, {\"role\": \"user\", \"content\": \"ok\"}]");
        renders(
                "{{ dict|tojson(indent=2) }}",
                "{\n  \"b\": 1,\n  \"a\": [\n    1,\n    {\n      \"c\": null\n    }\n  ]\n}");
        renders("{{ dict|tojson(sort_keys=true, separators=(',', ':')) }}", "{\"a\":[1,{\"c\":null}],\"b\":1}");
        renders(
                "{{ ['<é😀>\\u0001\\t\"\\\\/', true, none, 1.0, 1e20, 1e-7, [], {}, {1: 2, none: 3, true: 4}]|tojson }}",
                "[\"<é😀>\\u0001\\t\\\"\\\\/\", true, null, 1.0, 1e+20, 1e-07, [], {}, {\"1\": 4, \"null\": 3}]");
        renders(
                "{{ 'é😀'|tojson(ensure_ascii=true) }}{{ [[], {}]|tojson(indent=1) }}{{ (1, 2)|tojson(indent='--') }}",
                "\"\\u00e9\\ud83d\\ude00\"[\n [],\n {}\n][\n--1,\n--2\n]");
    }

    @Test
    void testsAreJinjas() {
        renders(
                "{{ n is defined }}{{ x is defined }}{{ x is undefined }}{{ none is none }}{{ s is string }}{{ n is number }}{{ true is number }}{{ n is integer }}{{ true is integer }}{{ f is float }}",
                "TrueFalseTrueTrueTrueTrueTrueTrueFalseTrue");
        renders(
                "{{ dict is mapping }}{{ list is sequence }}{{ dict is sequence }}{{ dict.keys() is sequence }}{{ s is iterable }}{{ n is iterable }}{{ true is boolean }}{{ true is true }}{{ 1 is true }}{{ false is false }}",
                "TrueTrueTrueFalseTrueFalseTrueTrueFalseTrue");
        renders(
                "{{ 2 is even }}{{ 3 is odd }}{{ 9 is divisibleby 3 }}{{ 1 is eq 1 }}{{ 1 is equalto(2) }}{{ 1 is lt 2 }}{{ 2 is ge(2) }}{{ 1 is in [1] }}{{ 'a' is not in 'bc' }}{{ 'ab' is lower }}{{ 'AB' is upper }}{{ range is callable }}{{ n is not none and n is number }}",
                "TrueTrueTrueTrueFalseTrueTrueTrueTrueTrueTrueTrueTrue");
        renders(
                "{{ 'upper' is filter }}{{ 'odd' is test }}{{ none is sameas none }}{{ '<'|e is escaped }}",
                "TrueTrueTrueTrue");
    }

    @Test
    void methodsArePythons() {
        renders(
                "{{ 'a,b,,c'.split(',') }}{{ ' a  b '.split() }}{{ 'a b c'.split(' ', 1) }}{{ 'a b c'.rsplit(' ', 1) }}{{ 'a b c'.split(none, 1) }}{{ ''.split() }}{{ ''.split(',') }}",
                "['a', 'b', '', 'c']['a', 'b']['a', 'b c']['a b', 'c']['a', 'b c'][]['']");
        renders(
                "{{ ' x '.strip() }}|{{ '\\u2003x\\x1f'.strip() }}|{{ 'xyx'.lstrip('x') }}|{{ 'xyx'.rstrip('x') }}|{{ 'abc'.startswith('a') }}{{ 'abc'.endswith(('x', 'c')) }}",
                "x|x|yx|xy|TrueTrue");
        renders(
                "{{ 'aXb'.upper() }}{{ 'aXb'.lower() }}{{ \"they're ok\".title() }}{{ 'aXb'.capitalize() }}{{ 'aXb'.swapcase() }}{{ 'aba'.replace('a', 'c', 1) }}",
                "AXBaxbThey'Re OkAxbAxBcba");
        renders(
                "{{ '😀abc'.find('b') }}{{ 'abc'.find('z') }}{{ 'abcb'.rfind('b') }}{{ 'abc'.index('c') }}{{ 'banana'.count('an') }}{{ 'x'.join(['a', 'b']) }}{{ 'abcb'.find('b', 2) }}",
                "2-1322axb3");
        renders(
                "{{ 'a\\nb\\r\\nc\\n'.splitlines() }}{{ 'a\\nb'.splitlines(true) }}{{ 'k=v=w'.partition('=') }}{{ 'k=v=w'.rpartition('=') }}{{ 'abc'.removeprefix('a') }}{{ 'abc'.removesuffix('c') }}",
                "['a', 'b', 'c']['a\\n', 'b']('k', '=', 'v=w')('k=v', '=', 'w')bcab");
        renders(
                "{{ '{} {1} {k} {0[0]} {:>4}|{:<4}|{:^5}|{:05.1f}|{:,}'.format('a', 'b', 1, 'c', 2.25, 12345, k='K') if false else '{} {}'.format(1, 'b') }} {{ '{a} {b[0]} {c:>4}|{d:05.1f}|{e:,}|{{}}'.format(a=1, b=[2], c='x', d=2.25, e=12345) }}",
                "1 b 1 2    x|002.2|12,345|{}");
        renders(
                "{{ '7'.zfill(3) }}{{ 'a'.ljust(3) }}|{{ 'a'.rjust(3, '*') }}{{ 'a'.center(4, '-') }}{{ '12'.isdigit() }}{{ 'ab'.isalpha() }}{{ ' '.isspace() }}{{ 'a1'.isalnum() }}{{ 'Ab'.islower() }}",
                "007a  |**a-a--TrueTrueTrueTrueFalse");
        renders(
                "{{ dict.get('b') }}{{ dict.get('z') }}{{ dict.get('z', 5) }}{{ dict.keys()|list }}{{ dict.values()|list }}{{ dict.items()|list }}{{ [1, 2, 1].count(1) }}{{ [1, 2].index(2) }}{{ dict.copy() == dict }}",
                "1None5['b', 'a'][1, [1, {'c': None}]][('b', 1), ('a', [1, {'c': None}])]21True");
    }

    @Test
    void globalsAreThoseOfTransformers() {
        renders(
                "{{ strftime_now('%d %b %Y|%B %d, %Y|%H:%M:%S|%A %a|%m/%d/%y|%j|%I:%M %p|%-d|%e|%F %T|%U %W %V|%%') }}",
                "21 Nov 2026|November 21, 2026|09:05:07|Saturday Sat|11/21/26|325|09:05 AM|21|21|2026-11-21 09:05:07|46 46 47|%");
        renders("{{ dict is mapping }}{% set dict = 1 %}", "True");
        renders(
                "{{ range(3)|list }}{{ range(1, 6, 2)|list }}{{ range(3)[1] }}{{ range(10)[2:4] }}{{ 2 in range(3) }}",
                "[0, 1, 2][1, 3, 5]1range(2, 4)True");
    }

    @Test
    void whatJinjaRefusesIsAnErrorWithItsLine() {
        fails("{{ missing.x }}");
        fails("{{ missing + 1 }}");
        fails("{{ dict.zz.y }}");
        fails("{{ 1 + 'a' }}");
        fails("{{ 'a' + 1 }}");
        fails("{{ none|length }}");
        fails("{{ [1]|nofilter }}");
        fails("{{ 1 is notest }}");
        fails("{{ 1 / 0 }}");
        fails("{{ 1 < 'a' }}");
        fails("{{ none.x.y }}");
        fails("{{ missing() }}");
        fails("{{ 5() }}");
        fails("{% for x in 5 %}{% endfor %}");
        fails("{% set list.x = 1 %}");
        fails("{{ {[]: 1} }}");
        fails("{{ missing|tojson }}");
        fails("{{ (list|map('upper'))|length }}");
        fails("{% macro m() %}{% endmacro %}{{ m(1) }}");
        fails("{{ 'abc'.index('z') }}");
        fails("{% for a, b in [[1]] %}{% endfor %}");
        fails("{{ missing < 1 }}");
        fails("{{ list[::0] }}");
        fails("{{ '%d' % 'a' }}");
        fails("{{ '%s %s' % 'a' }}");
    }

    @Test
    void whatIsNotJinjaIsRefusedWhenParsed() {
        fails("{{");
        fails("{{ 1 ");
        fails("{% if %}");
        fails("{% if 1 %}");
        fails("{% endif %}");
        fails("{% nonsense %}");
        fails("{{ 1 + }}");
        fails("{{ (1 }}");
        fails("{{ 1) }}");
        fails("{{ 'a }}");
        fails("{# a");
        fails("{% for x %}{% endfor %}");
        fails("{% raw %}");
        fails("{{ a.| }}");
        fails("{% break %}");
        fails("{% set 1 = 2 %}");
        fails("{{ a b }}");
        fails("{{ $ }}");
        fails("{% macro m(a=1, b) %}{% endmacro %}");
        fails("{{ f(a=1, 2) }}");
        fails("{% set true = 1 %}");
        fails("{{ }}");
    }

    @Test
    void whatThisInterpreterLeavesOutIsNamed() {
        assertThatThrownBy(() -> render("\n{% include 'x' %}"))
                .hasMessage("chat template, line 2: the tag 'include' is not supported in a chat template");
        assertThatThrownBy(() -> render("{% block x %}{% endblock %}"))
                .hasMessage("chat template, line 1: the tag 'block' is not supported in a chat template");
        assertThatThrownBy(() -> render("a\n\n{{ 'a'|wordwrap }}"))
                .hasMessage("chat template, line 3: there is no filter 'wordwrap'");
        assertThatThrownBy(() -> render("{{ 'a'.encode() }}"))
                .hasMessage("chat template, line 1: the method 'encode' of texts is not supported");
    }

    @Test
    void anErrorNamesItsLineAndReason() {
        assertThatThrownBy(() -> render("a\n{% for m in messages %}\n{{ m.nothing.more }}{% endfor %}"))
                .hasMessage("chat template, line 3: 'dict object' has no attribute 'nothing'");
    }

    @Test
    void whatTheTemplateRaisesKeepsItsOwnWords() {
        assertThatThrownBy(() -> render("\n{{ raise_exception('Roles must alternate') }}"))
                .isInstanceOfSatisfying(TemplateException.class, e -> {
                    assertThat(e.raisedByTemplate()).isTrue();
                    assertThat(e.line()).isEqualTo(2);
                })
                .hasMessage("Roles must alternate");
    }

    @Test
    void aParsedTemplateRendersAgainAndAgain() {
        Template template = Template.parse("{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}");
        assertThat(template.render(Map.of(), CLOCK)).isEqualTo("1");
        assertThat(template.render(Map.of(), CLOCK)).isEqualTo("1");
    }
}
