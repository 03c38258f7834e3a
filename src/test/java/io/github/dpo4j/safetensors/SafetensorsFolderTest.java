package io.github.dpo4j.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFolderTest {
    @TempDir
    Path folder;

    @Test
    void readsShardsThatAnIndexNames() throws IOException {
        shard("one.safetensors", "b");
        shard("two.safetensors", "a");
        index(
                "{\"metadata\":{\"total_size\":4.0,\"x\":[{}]},\"extra\":[1],\"weight_map\":{\"a\":\"two.safetensors\",\"b\":\"one.safetensors\"}}");
        try (SafetensorsFolder open = SafetensorsFolder.open(folder)) {
            assertThat(open.tensors().keySet()).containsExactly("b", "a");
            assertThat(open.data("a").byteSize()).isEqualTo(2);
            assertThat(open.layout().files())
                    .extracting(Layout.File::name)
                    .containsExactly("one.safetensors", "two.safetensors");
            assertThat(open.layout().totalParameters()).isEmpty();
            assertThatIllegalArgumentException().isThrownBy(() -> open.data("c"));
        }
    }

    /** transformers' from_pretrained looks for the single file first. */
    @Test
    void aSingleFileWinsOverAnIndex() throws IOException {
        shard("model.safetensors", "single");
        index("not even JSON");
        try (SafetensorsFolder open = SafetensorsFolder.open(folder)) {
            assertThat(open.tensors().keySet()).containsExactly("single");
            assertThat(open.layout().sharded()).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../outside.safetensors",
                "..",
                ".hidden.safetensors",
                "sub/x.safetensors",
                "sub\\\\x.safetensors",
                "..\\\\outside.safetensors",
                "/etc/x.safetensors",
                "C:x.safetensors",
                "x\\u0000.safetensors",
                "x\\ud800.safetensors",
                "pytorch_model.bin",
                ""
            })
    void refusesAnIndexThatNamesAnythingButAPlainFileName(String name) throws IOException {
        shard("x.safetensors", "a");
        index("{\"weight_map\":{\"a\":\"" + name + "\"}}");
        assertRefused("which is not a plain *.safetensors name");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "null",
                "{",
                "{}",
                "{\"weight_map\":{}}",
                "{\"weight_map\":[]}",
                "{\"weight_map\":null}",
                "{\"weight_map\":{\"a\":1}}",
                "{\"weight_map\":{\"a\":{}}}",
                "{\"weight_map\":{\"a\":\"x.safetensors\",\"a\":\"x.safetensors\"}}",
                "{\"weight_map\":{\"a\":\"x.safetensors\"},\"weight_map\":{\"a\":\"x.safetensors\"}}",
                "{\"weight_map\":{\"a\":\"x.safetensors\"}} {}",
                "{\"metadata\":[[[[[[[[[[1]]]]]]]]]],\"weight_map\":{\"a\":\"x.safetensors\"}}",
            })
    void refusesABrokenIndex(String json) throws IOException {
        shard("x.safetensors", "a");
        index(json);
        assertRefused("model.safetensors.index.json: ");
    }

    @Test
    void refusesAMissingShard() throws IOException {
        shard("one.safetensors", "a");
        index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
        assertRefused("two.safetensors: this file is missing");
    }

    @Test
    void refusesATensorThatIsNotWhereTheIndexPlacesIt() throws IOException {
        shard("one.safetensors", "a");
        shard("two.safetensors", "b");
        index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\",\"c\":\"two.safetensors\"}}");
        assertRefused("two.safetensors: tensor 'c' is missing");
        index("{\"weight_map\":{\"a\":\"two.safetensors\",\"b\":\"one.safetensors\"}}");
        assertRefused("tensor 'a' is missing");
    }

    @Test
    void refusesATensorThatTheIndexDoesNotName() throws IOException {
        shard("one.safetensors", "a");
        shard("two.safetensors", "b", "surplus");
        index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
        assertRefused("two.safetensors: tensor 'surplus' is here, but");
        shard("two.safetensors", "b", "a");
        assertRefused("two.safetensors: tensor 'a' is here, but");
    }

    @Test
    void refusesALinkThatLeavesTheFolder(@TempDir Path outside) throws IOException {
        Path target = RawFile.write(outside.resolve("x.safetensors"), header("a"), 2);
        Files.createSymbolicLink(folder.resolve("link.safetensors"), target);
        index("{\"weight_map\":{\"a\":\"link.safetensors\"}}");
        assertRefused("outside its folder");
        Files.createSymbolicLink(folder.resolve("model.safetensors"), target);
        assertRefused("outside its folder");
        Files.delete(target);
        assertRefused("cannot be followed (no such file or folder)");
    }

    @Test
    void followsTheLinksOfAHuggingFaceCacheButNoOthersBesideIt() throws IOException {
        Path model = folder.resolve("models--x");
        Path blobs = Files.createDirectories(model.resolve("blobs"));
        Path snapshot = Files.createDirectories(model.resolve("snapshots/c0ffee"));
        RawFile.write(blobs.resolve("aa11"), header("a"), 2);
        RawFile.write(model.resolve("beside"), header("a"), 2);
        Path link = snapshot.resolve("model.safetensors");
        Files.createSymbolicLink(link, Path.of("../../blobs/aa11"));
        try (SafetensorsFolder open = SafetensorsFolder.open(snapshot)) {
            assertThat(open.tensors().keySet()).containsExactly("a");
        }
        Files.delete(link);
        Files.createSymbolicLink(link, Path.of("../../beside"));
        assertThatThrownBy(() -> SafetensorsFolder.open(snapshot))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("outside its folder");
    }

    @Test
    void readsALinkWithinTheFolder() throws IOException {
        shard("real.safetensors", "a");
        Files.createSymbolicLink(folder.resolve("model.safetensors"), Path.of("real.safetensors"));
        try (SafetensorsFolder open = SafetensorsFolder.open(folder)) {
            assertThat(open.tensors().keySet()).containsExactly("a");
        }
    }

    @Test
    void pickledWeightsAreNeverRead() throws IOException {
        Files.writeString(folder.resolve("pytorch_model.bin"), "anything");
        assertRefused(
                "(pytorch_model.bin), which dpo4j never reads", "save_pretrained(folder, safe_serialization=True)");
    }

    @Test
    void refusesAFolderWithoutWeightsAndAFolderThatIsNone() throws IOException {
        assertRefused(folder + ": has neither model.safetensors nor model.safetensors.index.json");
        assertThatThrownBy(() -> SafetensorsFolder.open(folder.resolve("absent")))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("there is no such folder");
    }

    @Test
    void aLayoutIsEitherTheSingleFileOrShards() {
        Layout.File single = new Layout.File("model.safetensors", Map.of(), List.of());
        Layout.File shard = new Layout.File("shard.safetensors", Map.of(), List.of(new TensorSpec("a", DType.U8)));
        Layout.File other = new Layout.File("other.safetensors", Map.of(), List.of(new TensorSpec("a", DType.U8)));
        Layout.File outside = new Layout.File("../x.safetensors", Map.of(), List.of());
        for (List<Layout.File> files : List.of(
                List.<Layout.File>of(),
                List.of(single, shard),
                List.of(shard, shard),
                List.of(shard, other),
                List.of(outside))) {
            assertThatIllegalArgumentException().isThrownBy(() -> new Layout(files, OptionalLong.empty()));
        }
        assertThat(new Layout(List.of(shard), OptionalLong.empty()).sharded()).isTrue();
        assertThat(new Layout(List.of(single), OptionalLong.empty()).sharded()).isFalse();
    }

    private void assertRefused(String... parts) {
        assertThatThrownBy(() -> SafetensorsFolder.open(folder))
                .isInstanceOf(UserError.class)
                .message()
                .startsWith(folder.toString())
                .contains("; ")
                .doesNotContain("\n")
                .contains(parts);
    }

    private void shard(String name, String... tensors) throws IOException {
        RawFile.write(folder.resolve(name), header(tensors), 2 * tensors.length);
    }

    private void index(String json) throws IOException {
        Files.writeString(folder.resolve("model.safetensors.index.json"), json);
    }

    /** Tensors of two bytes each. */
    private static String header(String... tensors) {
        StringBuilder header = new StringBuilder("{");
        for (int i = 0; i < tensors.length; i++) {
            header.append(i == 0 ? "" : ",")
                    .append("\"%s\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[%d,%d]}"
                            .formatted(tensors[i], 2 * i, 2 * i + 2));
        }
        return header.append('}').toString();
    }
}
