package dev.nibble.samples;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.samples.serve.Service;
import dev.nibble.samples.serve.ServiceOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nibble serve}: a model behind HTTP that learns new examples while it serves. */
@Command(
    name = "serve",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Serves a model over HTTP, keeps labelled pictures, and retrains on them while it serves.",
      "",
      "Without a model in --home and without --weights, it trains its first one on --data."
    },
    footer = {
      "",
      "Examples:",
      "  nibble serve                                   then open http://127.0.0.1:8080",
      "  nibble serve --data photos --home /var/lib/nibble --memory-limit 512MiB",
      "  nibble serve --weights runs/resnet20-cifar10-int4/model.safetensors --data cifar10",
      "  nibble serve --host 0.0.0.0 --token-file token",
      "  curl --data-binary @cat.png http://127.0.0.1:8080/predict",
      "  curl --data-binary @cat.png 'http://127.0.0.1:8080/examples?label=cat'",
      "  curl -F a=@cat.png -F b=@dog.png http://127.0.0.1:8080/predict/batch",
      "  curl -X POST http://127.0.0.1:8080/retrain",
      "",
      "All that can be asked for is at http://127.0.0.1:8080/api, and for programs at"
          + " /openapi.json.",
      "A retrained model takes over only if its accuracy on held-out pictures is no worse than the",
      "current one's, over all and on each class, but for --margin. Ctrl-C ends the requests under"
          + " way, then the service."
    })
final class ServeCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--data",
      paramLabel = "NAME|FOLDER",
      description =
          "What it trains on besides the examples: shapes, fashion-mnist, cifar10, cifar100 or a"
              + " folder, as for nibble train. Default: shapes.")
  private String data = "shapes";

  @Option(
      names = "--home",
      paramLabel = "FOLDER",
      description = "Where versions and examples are kept. Default: nibble-home.")
  private String home = "nibble-home";

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      description = "A model.safetensors to serve, where --home has no model yet.")
  private @Nullable String weights;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description = "Network of the first model, as for nibble train. Default: resnet20.")
  private String model = "resnet20";

  @Option(names = "--port", paramLabel = "N", description = "Default: 8080; 0 takes a free one.")
  private int port = 8080;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      description =
          "Address to listen at. Default: 127.0.0.1, which no other machine can reach; 0.0.0.0 for"
              + " all.")
  private String host = "127.0.0.1";

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "A file with the token that clients must send as 'Authorization: Bearer ...'.")
  private @Nullable String tokenFile;

  @Option(
      names = "--insecure",
      description = "Listen where others can reach it without a token, all the same.")
  private boolean insecure;

  @Option(
      names = "--log",
      paramLabel = "LEVEL",
      description =
          "What is logged to standard error: info for starts, versions, trainings and refusals;"
              + " debug for every request, too; warning; off. Default: info.")
  private String log = "info";

  @Option(
      names = "--memory-limit",
      paramLabel = "SIZE",
      description = "For predictions and training together. Default: 512MiB.")
  private String memoryLimit = "512MiB";

  @Option(
      names = "--train-threads",
      paramLabel = "N",
      description = "Threads that train. Default: 1.")
  private int trainThreads = 1;

  @Option(
      names = "--predict-threads",
      paramLabel = "N",
      description = "Threads that predict at one time. Default: the other cores.")
  private @Nullable Integer predictThreads;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description = "Passes of a retraining. Default: 2; the first training has 5.")
  private @Nullable Integer epochs;

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Pictures a step. Default: 128, or as many as --memory-limit allows.")
  private @Nullable Integer batch;

  @Option(
      names = "--lr",
      paramLabel = "X",
      description = "Highest learning rate of a retraining. Default: 0.01.")
  private float rate = 0.01f;

  @Option(
      names = "--augment",
      paramLabel = "NAME",
      description =
          "crop-flip: shift by up to 4 pixels and mirror at random; none. Default: crop-flip.")
  private String augment = "crop-flip";

  @Option(
      names = "--margin",
      paramLabel = "PERCENT",
      description = "Accuracy that a new model may lose, such as 1%%. Default: 1%%.")
  private String margin = "1%";

  @Option(
      names = "--keep",
      paramLabel = "N",
      description = "Versions that are kept, to go back to. Default: 5.")
  private int keep = 5;

  @Option(
      names = "--max-body",
      paramLabel = "SIZE",
      description = "Largest picture file that is taken. Default: 8MiB.")
  private String maxBody = "8MiB";

  @Option(
      names = "--rate",
      paramLabel = "N",
      description = "Pictures a second that are taken while it trains. Default: 500.")
  private int pictureRate = 500;

  @Mixin private KernelOption kernels = new KernelOption();

  @Mixin private GpuOptions gpu = new GpuOptions();

  @Override
  public Integer call() throws InterruptedException {
    ServiceOptions options = options();
    Kernels provider = gpu.choose(kernels.name);
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    CountDownLatch stop = new CountDownLatch(1);
    ServeLog lines = new ServeLog(err, log);
    try (StopOnSignal signal =
            new StopOnSignal(
                stop::countDown, err, "nibble: Stopped before every request was answered.");
        Service service =
            Service.open(options, provider, line -> err.println("nibble: " + line), lines)) {
      out.printf(
          "Serving at %s (Ctrl-C stops); files are in %s%n",
          address(host, service.port()), options.home());
      out.flush();
      stop.await();
      out.println("Stopping.");
      out.flush();
      assert signal != null;
    }
    return 0;
  }

  /** Where a browser finds it, in the digits that addresses have everywhere. */
  static String address(String host, int port) {
    return "http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }

  private ServiceOptions options() {
    String source = Inputs.data(data);
    ServiceOptions.Http http =
        new ServiceOptions.Http(
            host,
            inRange("--port", port, 0, 65535),
            token(),
            (int) Math.min(Integer.MAX_VALUE / 2, size("--max-body", maxBody)),
            ServiceOptions.Http.defaults().maxSide(),
            inRange("--rate", pictureRate, 1, 1_000_000),
            ServiceOptions.Http.defaults().patience());
    if (http.token() == null && !http.isLocal() && !insecure) {
      throw new BadInputException(
          "Whoever reaches %s could use and change the model: give --token-file, or --insecure to insist."
              .formatted(host));
    }
    return new ServiceOptions(
        BadInputException.path(home),
        size -> open(source, size),
        weights == null ? null : BadInputException.path(weights),
        size("--memory-limit", memoryLimit),
        inRange("--keep", keep, 2, 1000),
        predictThreads == null
            ? Math.max(1, Runtime.getRuntime().availableProcessors() - trainThreads)
            : inRange("--predict-threads", predictThreads, 1, 1024),
        http,
        training());
  }

  private ServiceOptions.Training training() {
    ServiceOptions.Training defaults = ServiceOptions.Training.defaults();
    if (!(rate > 0) || Float.isInfinite(rate)) {
      throw new BadInputException("--lr is " + rate + ": give a number above 0.");
    }
    String name = model.strip().toLowerCase(Locale.ROOT);
    Inputs.network(name, new FeatureMap(32, 32, 3), 10); // complains now, not in the background
    return new ServiceOptions.Training(
        name,
        inRange("--train-threads", trainThreads, 1, 1024),
        epochs == null ? defaults.firstEpochs() : inRange("--epochs", epochs, 1, 1000),
        epochs == null ? defaults.epochs() : epochs,
        rate,
        batch == null ? 0 : inRange("--batch", batch, 2, 65536),
        Names.choose("--augment", augment, List.of("crop-flip", "none")).equals("none")
            ? Augmentation.NONE
            : Augmentation.CROP_FLIP,
        marginOf(margin));
  }

  private static DataSplits open(String source, @Nullable PictureSize size) {
    // Only a folder's pictures can be resized; the others have one size, which is checked later.
    return Inputs.open(source, Inputs.DATA_SETS.contains(source) ? null : size, false);
  }

  private static int inRange(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw new BadInputException("%s is %d: give %d to %d.".formatted(option, value, least, most));
    }
    return value;
  }

  private static long size(String option, String text) {
    Long bytes = Inputs.bytes(text);
    if (bytes == null || bytes < 1) {
      throw new BadInputException(option + " is " + text + ": give a size such as 8MiB.");
    }
    return bytes;
  }

  /** A share of 1 from per cent, with the sign or without. */
  static double marginOf(String text) {
    String number = text.strip();
    try {
      double percent =
          Double.parseDouble(
              number.endsWith("%") ? number.substring(0, number.length() - 1) : number);
      if (percent >= 0 && percent <= 100) {
        return percent / 100;
      }
    } catch (NumberFormatException e) {
      throw new BadInputException("--margin is '%s': give one such as 1%%.".formatted(text), e);
    }
    throw new BadInputException("--margin is '%s': give 0%% to 100%%.".formatted(text));
  }

  private @Nullable String token() {
    if (tokenFile == null) {
      return null;
    }
    Path file = BadInputException.path(tokenFile);
    try {
      String token = Files.readString(file).strip();
      if (token.length() < 8 || !token.matches("[!-~]+")) {
        throw new BadInputException(
            "%s holds no token: write at least 8 letters without spaces into it.".formatted(file));
      }
      return token;
    } catch (IOException e) {
      throw BadInputException.file("read", file, e);
    }
  }
}
