package io.github.dpo4j.torch;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class WorkspaceTest {
    private static final long MEBI = 1 << 20;

    @Test
    void memoryIsTakenAgainAfterARelease() {
        try (TensorScope _ = new TensorScope()) {
            Workspace workspace = new Workspace();
            Workspace.Mark mark = workspace.mark();
            long first = workspace.take(ScalarType.Float, 100).memory().address();
            workspace.release(mark);
            assertThat(workspace.take(ScalarType.BFloat16, 3).memory().address())
                    .isEqualTo(first);
        }
    }

    /** Matrices larger than a slab, each larger than the last: the one before makes room. */
    @Test
    void growingMatricesDoNotLeaveTheirSlabsBehind() {
        try (TensorScope _ = new TensorScope()) {
            Workspace workspace = new Workspace();
            workspace.take(ScalarType.Float, 10);
            Workspace.Mark mark = workspace.mark();
            for (int i = 1; i <= 6; i++) {
                try (TensorScope _ = new TensorScope()) {
                    workspace.take(ScalarType.Float, 10L * i * MEBI);
                    workspace.release(mark);
                }
            }
            // 32 MiB for the first, 240 and a quarter for the largest.
            assertThat(workspace.slabBytes()).isLessThanOrEqualTo(332 * MEBI);
        }
    }
}
