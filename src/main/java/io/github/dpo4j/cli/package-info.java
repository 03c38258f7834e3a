/** Takes the command line; gives recipe settings, exit codes and progress. One class a command. Nothing calls it but main. */
@NullMarked
package io.github.dpo4j.cli;

import org.jspecify.annotations.NullMarked;
