package dev.nibble.samples;

import dev.nibble.engine.json.JsonWriter;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble inspect}: what a model file holds, and what training it would take. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Shows what a model file holds, ONNX or safetensors.",
      "",
      "Layers, shapes, parameters, multiply-adds for one picture, what is not supported, and the",
      "memory that training it takes in each format.",
      "",
      "Exit code: 0 if nothing in the file stands against training it, 1 if something is not",
      "supported (all is printed nevertheless), 2 if it cannot be read."
    },
    footer = {
      "",
      "Examples:",
      "  nibble inspect resnet18.onnx",
      "  nibble inspect resnet18.onnx --batch 64 --json",
      "  nibble inspect resnet18.onnx > /dev/null && nibble train --model resnet18.onnx --data"
          + " photos",
      "  nibble inspect runs/resnet20-shapes-int4/model.safetensors"
    })
final class InspectCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "FILE", description = "A .onnx or .safetensors file.")
  private String file = "";

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "32",
      description = "Pictures a step, for the memory. Default: ${DEFAULT-VALUE}.")
  private int batch;

  @Option(
      names = "--image-size",
      paramLabel = "HxW",
      description = "Height and width, where an ONNX file leaves them free.")
  private @Nullable String imageSize;

  @Mixin private KernelOption kernels = new KernelOption();

  @Option(
      names = "--json",
      description = "Print JSON: format, layers, parameters, multiply_adds, unsupported, memory.")
  private boolean json;

  @Override
  public Integer call() {
    if (batch < 1) {
      throw new BadInputException("--batch is " + batch + ": give 1 or more.");
    }
    Path path = BadInputException.path(file);
    String lower = file.toLowerCase(Locale.ROOT);
    Inspection inspection;
    if (lower.endsWith(".onnx")) {
      inspection = Inspection.ofOnnx(path, Inputs.pictureSize(imageSize));
    } else if (lower.endsWith(".safetensors")) {
      inspection = Inspection.ofSafetensors(path);
    } else {
      throw new BadInputException(
          "%s is neither .onnx nor .safetensors: give a model file of one of these kinds."
              .formatted(file));
    }
    InspectionReport report = new InspectionReport(inspection, batch, kernels.choose());
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(JsonWriter.indented(report.json()));
    } else {
      report.print(out);
    }
    return inspection.unsupported().isEmpty() ? 0 : 1;
  }
}
