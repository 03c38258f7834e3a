package io.github.dpo4j.report;

/**
 * What a run ran on, as text for people.
 *
 * @param dpo4j its version
 * @param java vendor and version
 * @param os name, version and architecture
 * @param device {@code cpu}, or the GPU's name
 * @param cpu the processor's name
 * @param threads threads of libtorch's operators
 * @param libtorch its version and build
 */
public record RunEnvironment(
        String dpo4j, String java, String os, String device, String cpu, int threads, String libtorch) {}
