package io.github.dpo4j.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PreferenceRowsTest {
    @TempDir
    Path folder;

    @Test
    void anExplicitPromptIsTakenAsItStands() throws IOException {
        PreferenceExample.Plain row =
                plain("{\"prompt\":\"2+2=\",\"chosen\":\" 4\",\"rejected\":\" 5\",\"votes\":NaN}");

        assertThat(row.prompt()).isEqualTo("2+2=");
        assertThat(row.chosen()).isEqualTo(" 4");
        assertThat(row.rejected()).isEqualTo(" 5");
        assertThat(row.origin().line()).isEqualTo(1);
    }

    @Test
    void anImplicitPromptEndsAtTheFirstDifferenceAndLeavesTheSpaceToTheCompletions() throws IOException {
        PreferenceExample.Plain row = plain("{\"chosen\":\"The sky is blue.\",\"rejected\":\"The sky is green.\"}");

        assertThat(row.prompt()).isEqualTo("The sky is");
        assertThat(row.chosen()).isEqualTo(" blue.");
        assertThat(row.rejected()).isEqualTo(" green.");
    }

    @Test
    void anImplicitPromptEndsWithinAWordWhereTheWordsDiffer() throws IOException {
        PreferenceExample.Plain row = plain("{\"chosen\":\"It works\",\"rejected\":\"It worries\"}");

        assertThat(row.prompt()).isEqualTo("It wor");
    }

    @Test
    void anImplicitPromptLeavesTheLastCommonCharacterToACompletionThatOnlyGoesOn() throws IOException {
        // TRL's extract_prompt stops at the last index of the shorter text, so neither completion is empty.
        PreferenceExample.Plain row = plain("{\"chosen\":\"Yes, sir\",\"rejected\":\"Yes\"}");

        assertThat(row.prompt()).isEqualTo("Ye");
        assertThat(row.chosen()).isEqualTo("s, sir");
        assertThat(row.rejected()).isEqualTo("s");
    }

    @Test
    void anImplicitPromptNeverSplitsACharacterOutsideTheBasicPlane() throws IOException {
        // U+1F600 and U+1F601 share their first UTF-16 half.
        PreferenceExample.Plain row = plain("{\"chosen\":\"So \uD83D\uDE00\",\"rejected\":\"So \uD83D\uDE01\"}");

        assertThat(row.prompt()).isEqualTo("So");
        assertThat(row.chosen()).isEqualTo(" \uD83D\uDE00");
    }

    @Test
    void messageListsWithoutAPromptShareTheirLeadingMessages() throws IOException {
        PreferenceExample.Chat row = chat("""
                {"chosen":[{"role":"user","content":"Sky?"},{"role":"assistant","content":"Blue."}],\
                "rejected":[{"role":"user","content":"Sky?"},{"role":"assistant","content":"Green."}]}""");

        assertThat(row.prompt()).containsExactly(Message.of("user", "Sky?"));
        assertThat(row.chosen()).containsExactly(Message.of("assistant", "Blue."));
        assertThat(row.rejected()).containsExactly(Message.of("assistant", "Green."));
        assertThat(row.tools()).isNull();
    }

    @Test
    void aTextPromptThatTheConversationsRepeatIsFoundInThem() throws IOException {
        PreferenceExample.Chat row = chat("""
                {"prompt":"Sky?","chosen":[{"role":"user","content":"Sky?"},{"role":"assistant","content":"Blue."}],\
                "rejected":[{"role":"user","content":"Sky?"},{"role":"assistant","content":"Green."}]}""");

        assertThat(row.prompt()).containsExactly(Message.of("user", "Sky?"));
    }

    @Test
    void toolsMayBeAListOrItsJsonAsText() throws IOException {
        String messages = """
                "prompt":[{"role":"user","content":"Sky?"}],"chosen":[{"role":"assistant","content":null,"tool_calls":[]}],\
                "rejected":[{"role":"assistant"}]""";
        PreferenceExample.Chat list = chat("{" + messages + ",\"tools\":[{\"name\":\"look\"}]}");
        PreferenceExample.Chat text = chat("{" + messages + ",\"tools\":\"[{\\\"name\\\":\\\"look\\\"}]\"}");

        assertThat(list.tools()).isNotNull().isEqualTo(text.tools());
    }

    @Test
    void aTranscriptIsCutAtTheLastAssistantTurn() throws IOException {
        String start = "\\n\\nHuman: Hi\\n\\nAssistant: Hello.\\n\\nHuman: Sky?\\n\\nAssistant:";
        Rows<PreferenceExample> rows =
                read("{\"chosen\":\"" + start + " Blue.\",\"rejected\":\"" + start + " Black.\"}");
        PreferenceExample.Plain row = (PreferenceExample.Plain) rows.examples().getFirst();

        // " Bl" is common too, but the prompt ends with the turn.
        assertThat(row.prompt()).isEqualTo("\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Sky?\n\nAssistant:");
        assertThat(row.chosen()).isEqualTo(" Blue.");
        assertThat(row.rejected()).isEqualTo(" Black.");
        assertThat(rows.divergedTranscripts()).isZero();
    }

    @Test
    void transcriptsThatPartEarlierAreCutAtTheirLastCommonTurnAndCounted() throws IOException {
        Rows<PreferenceExample> rows =
                read("{\"chosen\":\"\\n\\nHuman: Hi\\n\\nAssistant: Yo.\\n\\nHuman: Sky?\\n\\nAssistant: Blue.\","
                        + "\"rejected\":\"\\n\\nHuman: Hi\\n\\nAssistant: Go away.\"}");
        PreferenceExample.Plain row = (PreferenceExample.Plain) rows.examples().getFirst();

        assertThat(row.prompt()).isEqualTo("\n\nHuman: Hi\n\nAssistant:");
        assertThat(row.chosen()).isEqualTo(" Yo.\n\nHuman: Sky?\n\nAssistant: Blue.");
        assertThat(row.rejected()).isEqualTo(" Go away.");
        assertThat(rows.divergedTranscripts()).isEqualTo(1);
        assertThat(rows.summary()).isEqualTo("1 row from 1 file, 1 transcripts that part before their last turn");
    }

    private PreferenceExample.Plain plain(String line) throws IOException {
        return (PreferenceExample.Plain) read(line).examples().getFirst();
    }

    private PreferenceExample.Chat chat(String line) throws IOException {
        return (PreferenceExample.Chat) read(line).examples().getFirst();
    }

    private Rows<PreferenceExample> read(String line) throws IOException {
        Path file = Files.writeString(folder.resolve("rows.jsonl"), line);
        return DatasetReader.failing().preferences(List.of(file.toString()));
    }
}
