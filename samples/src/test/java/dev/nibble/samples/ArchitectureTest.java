package dev.nibble.samples;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchCondition;
import java.io.IOException;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The boundaries between modules and packages, read from the class files of all four modules. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ArchitectureTest {
  private static final List<String> MODULES =
      List.of("memory", "simd-kernels", "engine", "samples");

  @SuppressWarnings("NullAway.Init") // set by importClasses
  private JavaClasses nibble;

  @BeforeAll
  void importClasses() {
    Path root = Path.of(System.getProperty("nibble.root", ".."));
    nibble =
        new ClassFileImporter()
            .importPaths(
                MODULES.stream().map(m -> root.resolve(m).resolve("target/classes")).toList());
  }

  @Test
  void everyModuleIsRead() {
    Stream.of("memory", "kernels", "engine", "samples")
        .forEach(
            name ->
                assertThat(
                        nibble.stream().filter(c -> isIn(c.getPackageName(), "dev.nibble." + name)))
                    .as("classes of dev.nibble.%s", name)
                    .isNotEmpty());
  }

  /** So that the jars run wherever a JDK does, with glibc or musl. */
  @Test
  void thereIsNoNativeCode() throws IOException {
    for (JavaClass c : nibble) {
      assertThat(c.getMethods())
          .as("native methods of " + c.getName())
          .noneMatch(m -> m.getModifiers().contains(JavaModifier.NATIVE));
    }
    Path root = Path.of(System.getProperty("nibble.root", ".."));
    for (String module : MODULES) {
      try (Stream<Path> files = Files.walk(root.resolve(module).resolve("target/classes"))) {
        assertThat(files.map(f -> f.getFileName().toString()))
            .as("files in " + module)
            .noneMatch(f -> f.matches(".*\\.(so|so\\..*|dll|dylib|jnilib|a|o|exe)"));
      }
    }
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "dev.nibble.memory", "dev.nibble.kernels.cublas", "dev.nibble.engine.collective")
        .should()
        .dependOnClassesThat()
        .belongToAnyOf(Linker.class, SymbolLookup.class)
        .check(nibble);
    noClasses()
        .should()
        .callMethod(System.class, "loadLibrary", String.class)
        .orShould()
        .callMethod(System.class, "load", String.class)
        .check(nibble);
  }

  @Test
  void memoryKnowsNoOtherModule() {
    noClasses()
        .that()
        .resideInAPackage("dev.nibble.memory..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.nibble.kernels..", "dev.nibble.engine..", "dev.nibble.samples..")
        .check(nibble);
  }

  @Test
  void kernelsKnowNoOtherModule() {
    noClasses()
        .that()
        .resideInAPackage("dev.nibble.kernels..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.nibble.memory..", "dev.nibble.engine..", "dev.nibble.samples..")
        .check(nibble);
  }

  @Test
  void engineDoesNotKnowThePrograms() {
    noClasses()
        .that()
        .resideInAPackage("dev.nibble.engine..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.nibble.samples..")
        .check(nibble);
  }

  @Test
  void librariesDependOnTheJdkOnly() {
    classes()
        .that()
        .resideOutsideOfPackage("dev.nibble.samples..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "dev.nibble..",
            "java..",
            "javax..",
            "jdk.incubator.vector..",
            "jdk.jfr..",
            "com.sun.management..",
            "org.jspecify..",
            "dev.hardwood..",
            "io.micrometer..")
        .check(nibble);
  }

  @Test
  void onlyTheParquetPackageKnowsHardwoodAndNobodyKnowsThatPackage() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.nibble.engine.data.parquet..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.hardwood..", "dev.nibble.engine.data.parquet..")
        .check(nibble);
  }

  @Test
  void onlyTheMetricsKnowMicrometerAndNobodyInTheLibrariesKnowsTheMetrics() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.nibble.engine.metrics..", "dev.nibble.samples..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.micrometer..", "dev.nibble.engine.metrics..")
        .check(nibble);
  }

  @Test
  void librariesPrintNothingAndForceNoLoggingOnAnyone() {
    for (ArchCondition<JavaClass> printing :
        List.of(ACCESS_STANDARD_STREAMS, USE_JAVA_UTIL_LOGGING)) {
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.nibble.samples..")
          .should(printing)
          .check(nibble);
    }
  }

  @Test
  void onlyTheVectorProviderImportsTheVectorApi() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.nibble.kernels.vector..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator.vector..")
        .check(nibble);
  }

  @Test
  void nothingIsUnsafe() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("sun..", "jdk.internal..")
        .check(nibble);
  }

  /**
   * What a user's code can name, it can also use: no signature mentions a package that is hidden.
   */
  @Test
  void theApiMentionsNothingThatIsNotExported() {
    Set<String> exported = new HashSet<>();
    for (String module : List.of("dev.nibble.memory", "dev.nibble.kernels", "dev.nibble.engine")) {
      ModuleLayer.boot().findModule(module).orElseThrow().getDescriptor().exports().stream()
          .filter(export -> !export.isQualified())
          .forEach(export -> exported.add(export.source()));
    }
    assertThat(exported)
        .contains("dev.nibble.engine.train")
        .doesNotContain("dev.nibble.engine.exec");
    List<String> leaks = new ArrayList<>();
    for (JavaClass type : nibble) {
      if (exported.contains(type.getPackageName()) && isVisible(type)) {
        for (JavaMember member : type.getMembers()) {
          if (isVisible(member)) {
            member.getAllInvolvedRawTypes().stream()
                .map(JavaClass::getBaseComponentType)
                .filter(t -> t.getPackageName().startsWith("dev.nibble."))
                .filter(t -> !exported.contains(t.getPackageName()) || !isVisible(t))
                .forEach(t -> leaks.add(member.getFullName() + " mentions " + t.getName()));
          }
        }
      }
    }
    assertThat(leaks).isEmpty();
  }

  private static boolean isVisible(JavaClass type) {
    return type.getModifiers().contains(JavaModifier.PUBLIC)
        && type.getEnclosingClass().map(ArchitectureTest::isVisible).orElse(true);
  }

  private static boolean isVisible(JavaMember member) {
    return (member.getModifiers().contains(JavaModifier.PUBLIC)
            || member.getModifiers().contains(JavaModifier.PROTECTED))
        && !member.getModifiers().contains(JavaModifier.SYNTHETIC);
  }

  @Test
  void packagesFormNoCycle() {
    slices().matching("dev.nibble.(**)").should().beFreeOfCycles().check(nibble);
  }

  private static boolean isIn(String packageName, String parent) {
    return packageName.equals(parent) || packageName.startsWith(parent + ".");
  }
}
