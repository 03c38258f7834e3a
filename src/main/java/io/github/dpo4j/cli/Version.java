package io.github.dpo4j.cli;

import picocli.CommandLine.IVersionProvider;

/** The version of the jar this class is in. */
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        String version = Version.class.getPackage().getImplementationVersion();
        return new String[] {"dpo4j " + (version == null ? "development" : version)};
    }
}
