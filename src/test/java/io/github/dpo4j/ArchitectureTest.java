package io.github.dpo4j;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.github.dpo4j.torch.Device;
import org.junit.jupiter.api.Test;

/** The walls between the packages, as docs/architecture.md draws them. */
class ArchitectureTest {
    private static final JavaClasses MAIN = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("io.github.dpo4j");

    @Test
    void packagesFormNoCycles() {
        slices().matching("io.github.dpo4j.(*)..").should().beFreeOfCycles().check(MAIN);
    }

    @Test
    void onlyTorchNamesJavaCppsMemoryTypesAndTheGradGuards() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.github.dpo4j.torch")
                .should()
                .dependOnClassesThat(resideInAPackage("org.bytedeco.javacpp.."))
                .orShould()
                .dependOnClassesThat()
                .haveNameMatching("org\\.bytedeco\\.pytorch\\.(NoGradGuard|AutoGradMode|GradMode|InferenceMode)")
                .check(MAIN);
    }

    @Test
    void packagesThatRunOnAnyThreadKnowNoNatives() {
        noClasses()
                .that()
                .resideInAnyPackage(
                        "io.github.dpo4j.kernel..",
                        "io.github.dpo4j.data..",
                        "io.github.dpo4j.text..",
                        "io.github.dpo4j.batch..",
                        "io.github.dpo4j.safetensors..",
                        "io.github.dpo4j.file..",
                        "io.github.dpo4j.report..")
                .should()
                .dependOnClassesThat(resideInAPackage("org.bytedeco.."))
                .check(MAIN);
    }

    /** A tensor that is made on the CPU by name would be on the wrong side of a GPU. */
    @Test
    void whatComputesIsToldItsDevice() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.github.dpo4j.torch")
                .should()
                .accessField(Device.class, "CPU")
                .check(MAIN);
    }

    @Test
    void objectivesKnowNeitherModelsNorTraining() {
        noClasses()
                .that()
                .resideInAPackage("io.github.dpo4j.objective..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.github.dpo4j.model..", "io.github.dpo4j.train..")
                .check(MAIN);
    }

    @Test
    void onlyTheCommandLinePrintsAndExits() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.github.dpo4j.cli")
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .orShould()
                .callMethod(System.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "halt", int.class)
                .check(MAIN);
    }
}
