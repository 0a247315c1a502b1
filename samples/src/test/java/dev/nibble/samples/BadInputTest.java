package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is wrong with the input: one sentence, exit code 2, nothing left behind. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadInputTest {
  @SuppressWarnings("NullAway.Init") // set by createInputs
  private Path folder;

  @BeforeAll
  void createInputs(@TempDir Path place) throws IOException {
    folder = place;
    PictureFolders.create(folder.resolve("pictures"), 8, 4);
    PictureFolders.create(folder.resolve("damaged"), 8, 4);
    Files.writeString(folder.resolve("damaged/train/left/p003.png"), "no picture");
    Path cifar = Files.createDirectories(folder.resolve("cifar"));
    for (int i = 1; i <= 5; i++) {
      Files.write(cifar.resolve("data_batch_" + i + ".bin"), new byte[3073 * 2 + 100]);
    }
    Files.write(cifar.resolve("test_batch.bin"), new byte[3073]);
    Files.writeString(
        cifar.resolve("batches.meta.txt"),
        String.join(
            "\n",
            List.of("airplane automobile bird cat deer dog frog horse ship truck".split(" ", -1))));
    Files.createDirectories(folder.resolve("empty"));
    Files.writeString(folder.resolve("text.safetensors"), "this is no safetensors file at all");
    Files.writeString(folder.resolve("text.onnx"), "this is no ONNX file at all");
    String header = "{\"stem.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    byte[] shape = new byte[8 + header.length() + 4];
    shape[0] = (byte) header.length();
    System.arraycopy(header.getBytes(StandardCharsets.US_ASCII), 0, shape, 8, header.length());
    Files.write(folder.resolve("shape.safetensors"), shape);
    Files.writeString(folder.resolve("file"), "");
  }

  /** In each line, a word that starts with @ is a path in the folder of inputs. */
  static Stream<Arguments> cases() {
    String tiny = "--data @pictures --model resnet8 --batch 4 --kernels scalar --out @new";
    return Stream.of(
        arguments("train --model resnet21", "No residual network has depth 21"),
        arguments("train --model rsnet20", "Unknown model 'rsnet20'"),
        arguments("train --model net.pth", "torch.onnx.export(model"),
        arguments("plan --model net.pt", "is a file of PyTorch's own format"),
        arguments("plan --model net.h5", "is neither an ONNX nor a safetensors file"),
        arguments("plan --model @missing.onnx", "There is no file"),
        arguments("plan --model @text.onnx", "Cannot import ONNX file"),
        arguments("gradients --data shapes", "Give --weights with a model.safetensors, or --model"),
        arguments("train " + tiny + " --init @text.onnx", "Cannot import ONNX file"),
        arguments("train " + tiny + " --resize crop", "choose one of stretch, center-crop"),
        arguments("train " + tiny + " --resize center-crop", "needs a size: give --image-size"),
        arguments("train --data cifar11", "did you mean cifar10?"),
        arguments("train --data ./nowhere", "There is no folder ./nowhere"),
        arguments("train --data @empty", "holds no data set"),
        arguments("train --data @cifar", "data_batch_1.bin"),
        arguments("train --activations int9", "did you mean int8?"),
        arguments("train --schedule cosin", "did you mean cosine?"),
        arguments("train --batch many", "'many' is not an int"),
        arguments("train --batch 0", "--batch is 0"),
        arguments("train --bach 12", "did you mean --batch?"),
        arguments("train --epochs 1 --steps 2", "Give --epochs or --steps, not both"),
        arguments("train --resume @pictures", "holds no run to resume"),
        arguments("train --resume a --out b", "not both"),
        arguments("train --kernels avx", "choose one of auto, cublas, vector, scalar"),
        arguments(
            "train " + tiny + " --gpu-precision tf32",
            "--gpu-precision belongs to --kernels cublas and auto, but --kernels is scalar"),
        arguments("train " + tiny + " --gpu-fallback", "--gpu-fallback belongs to"),
        arguments("train --gpu-precision fp16 --kernels auto", "choose one of fp32, tf32, bf16"),
        arguments("serve --kernels scalar --gpu-precision bf16 --home @new", "belongs to"),
        arguments("train " + tiny + " --batch-size 4", "--batch"),
        arguments("train " + tiny + " --naive --activations fp32", "it needs int8, int4 or int2"),
        arguments("train " + tiny + " --memory-limit 100KiB", "not even a batch of 1 fits"),
        arguments("train " + tiny + " --memory-limit lots", "'lots' is not a size"),
        arguments("train " + tiny + " --mean 0.5", "Give both mean and std"),
        arguments("train " + tiny + " --mean 0.5 --std 0.5", "need 3 values each"),
        arguments("train " + tiny + " --lr NaN", "he learning rate must be positive"),
        arguments("train " + tiny + " --optimizer adam", "did you mean adamw?"),
        arguments("train " + tiny + " --momentum 1", "omentum is 1.0, give a number from 0"),
        arguments("train " + tiny + " --momentum lots", "'lots' is not a double"),
        arguments("train " + tiny + " --optimizer nesterov --momentum 0", "give a number above 0"),
        arguments(
            "train " + tiny + " --optimizer adamw --momentum 0.9",
            "--momentum belongs to sgd and nesterov, but --optimizer is adamw: leave it out."),
        arguments("train " + tiny + " --beta2 0.9", "--beta2 belongs to adamw"),
        arguments("train " + tiny + " --epsilon 1e-8", "--epsilon belongs to adamw"),
        arguments("train " + tiny + " --optimizer adamw --beta1 1.5", "beta1 is 1.5"),
        arguments("train " + tiny + " --optimizer adamw --epsilon 0", "epsilon is 0.0"),
        arguments("train " + tiny + " --weight-decay -1", "eight decay is -1.0"),
        arguments("train " + tiny + " --clip-norm NaN", "he norm to clip at is NaN"),
        arguments("train " + tiny + " --label-smoothing 1", "abel smoothing is 1.0"),
        arguments("train " + tiny + " --accumulate 0", " step takes 0 batches"),
        arguments("train " + tiny + " --accumulate 5", "accumulate at most 4"),
        arguments("train " + tiny + " --ema 1", "he average of the weights keeps 1.0"),
        arguments("train " + tiny + " --early-stopping 0", "early stopping waits for 0 epochs"),
        arguments("train " + tiny + " --early-stopping 2 --min-delta 1", "asks for a gain of 1.0"),
        arguments("train " + tiny + " --min-delta 0.1", "belongs to --early-stopping"),
        arguments("train " + tiny + " --init @shape.safetensors", "stem.weight"),
        arguments("train " + tiny + " --freeze stages.0", "freeze that too"),
        arguments("train " + tiny + " --freeze stem,,head.bn", "no layer ''"),
        arguments("train " + tiny + " --freeze stem,stages,head", "leave at least one to train"),
        arguments("train " + tiny + " --init @missing.safetensors", "missing.safetensors"),
        arguments("train " + tiny + " --steps 2 --warmup-steps 2", "2 warm-up steps do not fit"),
        arguments("train --data @pictures --model resnet8 --batch 4 --out @file", "file is a file"),
        arguments("train " + tiny + " --tensorboard @file", "file is a file"),
        arguments("train --data @pictures --model resnet8 --batch 17", "batch of at most 16"),
        arguments("train --data @damaged --model resnet8 --batch 4", "p003.png"),
        arguments("evaluate --weights @text.safetensors", "text.safetensors"),
        arguments("evaluate", "Missing required option: '--weights=FILE'"),
        arguments("predict --weights @missing.safetensors a.png", "missing.safetensors"),
        arguments("export --weights @text.safetensors --onnx @new.onnx", "text.safetensors"),
        arguments("export --weights @shape.safetensors --onnx @new.onnx", "which model it holds"),
        arguments("export --weights @missing.safetensors --onnx @new.onnx", "no such file"),
        arguments("export --weights @file --onnx @file", "names the file of the weights"),
        arguments("export --weights @file", "Missing required option: '--onnx=OUT'"),
        arguments("plan --input 32x32", "such as 32x32x3"),
        arguments("plan --image-size 32x32x3", "such as 32x32."),
        arguments("plan --image-size 32x32 --input 32x32x3", "give --image-size alone"),
        arguments("plan --optimizer sdg", "did you mean sgd?"),
        arguments("plan --accumulate 0", " step takes 0 batches"),
        arguments("plan --batch 2000000", "1 to 1048576 pictures"),
        arguments("data fetch imagenet", "choose one of cifar10, cifar100, fashion-mnist"),
        arguments("data fetch cifar10 --from ftp://here", "no http or https address"),
        arguments("serve --data cifar11", "did you mean cifar10?"),
        arguments("serve --home @file", "file is a file"),
        arguments("serve --host 0.0.0.0 --home @new", "--insecure to insist"),
        arguments("serve --host :: --home @new", "Whoever reaches ::"),
        arguments("serve --log loud --home @new", "--log"),
        arguments("serve --port 70000", "--port is 70000: give 0 to 65535"),
        arguments("serve --margin much", "--margin is 'much'"),
        arguments("serve --margin 101%", "give 0% to 100%"),
        arguments("serve --memory-limit lots", "'lots' is not a size"),
        arguments("serve --token-file @missing", "Cannot read"),
        arguments("serve --token-file @file", "holds no token"),
        arguments("serve --keep 1", "--keep is 1: give 2 to 1000"),
        arguments("serve --train-threads 0", "--train-threads is 0"),
        arguments("serve --model resnet21 --home @new", "No residual network has depth 21"),
        arguments("serve --home @new --data @empty", "holds no data set"),
        arguments(
            "serve --home @new --data @pictures --memory-limit 1KiB --weights @text.safetensors",
            "text.safetensors"),
        arguments("trian", "did you mean train?"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void isASentenceAndExitCodeTwo(String line, String expected) throws IOException {
    List<Path> before = files();
    InProcess result = InProcess.run(words(line));
    assertThat(result.err()).startsWith("nibble: ").contains(expected);
    assertThat(result.err().lines()).as("lines on stderr").hasSize(1);
    assertThat(result.code()).isEqualTo(2);
    assertThat(files()).isEqualTo(before);
  }

  private String[] words(String line) {
    return Stream.of(line.split(" ", -1))
        .map(w -> w.startsWith("@") ? folder.resolve(w.substring(1)).toString() : w)
        .toArray(String[]::new);
  }

  /** Some of them in a process of their own, as a user meets them. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "train --model resnet21, No residual network has depth 21",
    "train --data @damaged --model resnet8 --batch 4, p003.png",
    "train --data @pictures --model resnet8 --batch 4 --memory-limit 1MiB, --memory-limit is 1 MiB",
    "train --kernels vector, C2 is off"
  })
  void isTheSameInAProcessOfItsOwn(String line, String expected)
      throws IOException, InterruptedException {
    List<Path> before = files();
    NibbleProcess.Result result = NibbleProcess.run(folder, words(line));
    assertThat(result.err()).startsWith("nibble: ").contains(expected);
    assertThat(result.err().lines()).as("lines on stderr").hasSize(1);
    assertThat(result.code()).isEqualTo(2);
    assertThat(files()).isEqualTo(before);
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(p -> !p.toString().endsWith(".txt")).sorted().toList();
    }
  }
}
