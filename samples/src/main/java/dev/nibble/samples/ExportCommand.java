package dev.nibble.samples;

import dev.nibble.engine.exchange.onnx.BatchNorms;
import dev.nibble.engine.exchange.onnx.OnnxExport;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.FeatureMap;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nibble export}: a saved model as an ONNX file. */
@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Writes a saved model as an ONNX file (opset " + OnnxExport.OPSET + ") for other runtimes.",
      "",
      "Input 'images', fp32 N,C,H,W: bytes / 255, minus mean, divided by std, which stand in the",
      "file's metadata beside the classes. Output 'logits', fp32 N,classes. N is free."
    },
    footer = {
      "",
      "Example:",
      "  nibble export --weights runs/resnet20-shapes-int4/model.safetensors --onnx model.onnx"
    })
final class ExportCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      required = true,
      description = "A model.safetensors that nibble train wrote.")
  private String weights = "";

  @Option(
      names = "--onnx",
      paramLabel = "OUT",
      required = true,
      description = "The file to write; one that is there is replaced once the new one is whole.")
  private String onnx = "";

  @Option(
      names = "--keep-batch-norm",
      description =
          "Keep every batch norm as a layer. Default: those behind a convolution go into its"
              + " weights.")
  private boolean keepBatchNorm;

  @Override
  public Integer call() {
    Path from = BadInputException.path(weights);
    Path to = BadInputException.path(onnx);
    if (to.toAbsolutePath().normalize().equals(from.toAbsolutePath().normalize())) {
      throw new BadInputException("--onnx names the file of the weights: give another one.");
    }
    BatchNorms norms = keepBatchNorm ? BatchNorms.KEPT : BatchNorms.FOLDED;
    OnnxExport.write(to, from, norms);
    ModelInfo info = ModelFile.info(from);
    FeatureMap map = info.input();
    spec.commandLine()
        .getOut()
        .printf(
            "%s: %s, opset %d, batch norm %s; images N,%d,%d,%d to logits N,%d%n",
            to,
            info.model(),
            OnnxExport.OPSET,
            keepBatchNorm ? "kept" : "folded",
            map.channels(),
            map.height(),
            map.width(),
            info.classes().size());
    return 0;
  }
}
