import org.jspecify.annotations.NullMarked;

/** The programs a user starts from. */
@NullMarked
module dev.nibble.samples {
  // Hardwood finds it by reflection; being no automatic module, it is there only if required.
  requires com.github.luben.zstd_jni;
  requires dev.hardwood.core;
  requires dev.nibble.engine;
  requires io.javalin;
  requires info.picocli;
  requires java.desktop;
  requires java.logging;
  requires java.net.http;
  requires jdk.management;
  requires micrometer.core;
  requires micrometer.registry.prometheus;
  requires org.apache.commons.compress;
  requires xchart;
  requires static transitive org.jspecify;

  opens dev.nibble.samples to
      info.picocli;
}
