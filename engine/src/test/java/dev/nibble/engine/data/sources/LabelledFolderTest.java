package dev.nibble.engine.data.sources;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.views.Datasets;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Folders of pictures with a table of what is told of them. */
class LabelledFolderTest {
  @TempDir private Path folder;

  @BeforeEach
  void writePictures() throws IOException {
    for (String name :
        List.of("a.png", "b.png", "c.png", "d.png", "train/e.png", "test/f.png", "g, h.png")) {
      Path file = folder.resolve(name);
      Files.createDirectories(Objects.requireNonNull(file.getParent()));
      BufferedImage image = new BufferedImage(4, 3, BufferedImage.TYPE_INT_RGB);
      image.setRGB(0, 0, name.charAt(0));
      ImageIO.write(image, "png", file.toFile());
    }
  }

  private DataSplits open(String csv, Task task) throws IOException {
    Path file = Files.writeString(folder.resolve("labels.csv"), csv);
    return DataSources.open(
        folder.toString(), DataOptions.defaults().withLabels(file, task).withImageSize(null));
  }

  /** By picture, of all splits. */
  private static Map<String, List<Float>> targets(DataSplits data) {
    Map<String, List<Float>> all = new TreeMap<>();
    for (Dataset split :
        data.validation() == null
            ? List.of(data.train(), data.test())
            : List.of(data.train(), data.test(), data.validation())) {
      for (int i = 0; i < split.size(); i++) {
        MemorySegment floats = MemorySegment.ofArray(new float[split.classNames().size()]);
        split.targets(i, floats, 0);
        List<Float> list =
            java.util.stream.IntStream.range(0, split.classNames().size())
                .mapToObj(k -> floats.getAtIndex(JAVA_FLOAT_UNALIGNED, k))
                .toList();
        all.put(split.identity(i).replaceAll("^/|:\\d+$", ""), list);
      }
    }
    return all;
  }

  @Test
  void severalLabelsApartByBarsOrBlanksAndNoneAtAll() throws IOException {
    String csv =
        """
        file,labels,split
        a.png,sun|dark blue,train
        b.png,sun cloud,test
        c.png,,train
        "g, h.png","cloud|sun",val
        """;
    try (DataSplits data = open(csv, Task.MULTI_LABEL)) {
      assertThat(data.train().task()).isEqualTo(Task.MULTI_LABEL);
      assertThat(data.train().classNames()).containsExactly("cloud", "dark blue", "sun");
      assertThat(data.train().size()).isEqualTo(2);
      assertThat(Objects.requireNonNull(data.validation()).size()).isEqualTo(1);
      assertThat(targets(data))
          .containsEntry("a.png", List.of(0f, 1f, 1f))
          .containsEntry("b.png", List.of(1f, 0f, 1f))
          .containsEntry("c.png", List.of(0f, 0f, 0f))
          .containsEntry("g, h.png", List.of(1f, 0f, 1f));
    }
  }

  @Test
  void aColumnALabelAndSharesAmongThem() throws IOException {
    String csv = "image;sun;cloud\r\ntrain/e.png;1;0\r\ntest/f.png;0.25;1\r\n";
    try (DataSplits data = open(csv, Task.MULTI_LABEL)) {
      assertThat(data.train().classNames()).containsExactly("sun", "cloud");
      assertThat(data.train().size()).isEqualTo(1);
      assertThat(targets(data))
          .containsEntry("e.png", List.of(1f, 0f))
          .containsEntry("f.png", List.of(0.25f, 1f));
    }
  }

  /** One label needs no other: its column has its name. */
  @Test
  void oneLabelOfZerosAndOnes() throws IOException {
    try (DataSplits data = open("file,sun\na.png,1\nb.png,0\nc.png,0.5\n", Task.MULTI_LABEL)) {
      assertThat(data.train().classNames()).containsExactly("sun");
      assertThat(targets(data))
          .containsEntry("a.png", List.of(1f))
          .containsEntry("b.png", List.of(0f))
          .containsEntry("c.png", List.of(0.5f));
    }
    // Under the heading of names they are names.
    try (DataSplits data = open("Image,Tags\na.png,1\nb.png,0\n", Task.MULTI_LABEL)) {
      assertThat(data.train().classNames()).containsExactly("0", "1");
    }
    try (DataSplits data = open("path,Class\na.png,1\nb.png,0\n", Task.CLASSIFICATION)) {
      assertThat(data.train().classNames()).containsExactly("0", "1");
    }
  }

  @Test
  void numbersAndTheOneFifthThatIsTestedOn() throws IOException {
    String csv =
        "\uFEFFfile,x,y\na.png,1.5,-2e3\nb.png,0,1\nc.png,3,1\nd.png,4,1\ntrain/e.png,5,1\n";
    try (DataSplits data = open(csv, Task.REGRESSION);
        DataSplits again = open(csv, Task.REGRESSION)) {
      assertThat(data.train().size()).isEqualTo(4);
      assertThat(data.test().size()).isEqualTo(1);
      assertThat(data.notes()).anyMatch(note -> note.contains("has no column split"));
      assertThat(data.notes()).anyMatch(note -> note.contains("The values 'y' are about"));
      assertThat(targets(data)).containsEntry("a.png", List.of(1.5f, -2000f)).hasSize(5);
      assertThat(again.test().identity(0)).isEqualTo(data.test().identity(0));
      DataSplits parts = Datasets.withValidation(data, 0.25, 0);
      assertThat(parts.train().size()).isEqualTo(3);
      assertThat(parts.train().task()).isEqualTo(Task.REGRESSION);
    }
  }

  @Test
  void oneClassAPicture() throws IOException {
    String csv = "file,label,split\na.png,big cat,train\nb.png,dog,training\nc.png,dog,TEST\n";
    try (DataSplits data = open(csv, Task.CLASSIFICATION)) {
      assertThat(data.train().classNames()).containsExactly("big cat", "dog");
      assertThat(data.train().label(0)).isZero();
      assertThat(data.train().label(1)).isEqualTo(1);
      assertThat(data.test().label(0)).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      value = {
        "file,labels                      # MULTI_LABEL    # names no pictures",
        "a.png,cat;b.png,dog              # CLASSIFICATION # such as 'file,label'",
        "file,label,other;a.png,x,y       # CLASSIFICATION # such as 'file,label'",
        "file,wrong;a.png,x;b.png,y       # CLASSIFICATION # such as 'file,label', not"
            + " 'file,wrong'; the class of a picture stands under label or class.",
        "file,labels;a.png,x|y;b.png,y    # CLASSIFICATION # such as 'file,label', not"
            + " 'file,labels'",
        "file;a.png;b.png                 # CLASSIFICATION # such as 'file,label', not 'file'",
        "file,wrong;a.png,x|y;b.png,y     # MULTI_LABEL    # such as 'file,labels', not"
            + " 'file,wrong'; labels by name stand under labels",
        "file,wrong;a.png,1;b.png,        # MULTI_LABEL    # such as 'file,labels'",
        "file,sun;a.png,1;b.png,2         # MULTI_LABEL    # line 3: sun is '2', give 0, 1",
        "file;a.png;b.png                 # MULTI_LABEL    # such as 'file,labels', not 'file'",
        "file;a.png;b.png                 # REGRESSION     # such as 'file,value', not 'file';"
            + " each other heading names numbers",
        "name,value;a.png,1;b.png,2       # REGRESSION     # such as 'file,value'",
        "file,wrong;a.png,x;b.png,y       # REGRESSION     # line 2: wrong is 'x', give a number",
        "file,value;a.png,1;b.png,many    # REGRESSION     # line 3: value is 'many', give a"
            + " number",
        "file,value;a.png,1;b.png,NaN     # REGRESSION     # line 3: value is 'NaN'",
        "file,x,y;a.png,1;b.png,1,2       # REGRESSION     # line 2: there are 2 fields, not 3",
        "file,a,b;a.png,1,2;b.png,0,0     # MULTI_LABEL    # line 2: b is '2', give 0, 1 or a"
            + " share",
        "file,label;a.png,x;a.png,y       # CLASSIFICATION # line 3: the file 'a.png' is there"
            + " twice",
        "file,label;a.png,x;b.png,        # CLASSIFICATION # line 3: there is no label",
        "file,label;a.png,x;z.png,y       # CLASSIFICATION # line 3: there is no picture",
        "file,label,split;a.png,x,all     # CLASSIFICATION # line 2: the split is 'all'",
        "file,label,split;a.png,x,train   # CLASSIFICATION # names no test pictures",
        "file,label;a.png,x               # CLASSIFICATION # a single picture",
        "file,labels;a.png,;b.png,        # MULTI_LABEL    # has no labels in any line",
        "file,label;'\"a.png',x             # CLASSIFICATION # a quote is never closed",
      })
  void whatIsWrongIsSaidWithItsLine(String csv, Task task, String message) {
    String text = csv.strip().replace(';', '\n').replace("'", "");
    assertThatThrownBy(() -> open(text, task).close())
        .isInstanceOf(DataException.class)
        .hasMessageContaining(message);
  }

  @Test
  void unreadablePicturesAreLeftOutWhereAskedForAndLabelsStayWithTheirs() throws IOException {
    Files.writeString(folder.resolve("b.png"), "no picture");
    String csv = "file,value,split\na.png,1,train\nb.png,2,train\nc.png,3,train\nd.png,4,test\n";
    assertThatThrownBy(() -> open(csv, Task.REGRESSION).close()).hasMessageContaining("b.png");
    Path file = folder.resolve("labels.csv");
    try (DataSplits data =
        DataSources.open(
            folder.toString(),
            DataOptions.defaults().withLabels(file, Task.REGRESSION).withSkipUnreadable(true))) {
      assertThat(data.train().size()).isEqualTo(2);
      assertThat(data.train().skipped()).isEqualTo(1);
      assertThat(targets(data)).containsEntry("c.png", List.of(3f));
    }
  }

  @Test
  void aTableBelongsToAFolder() {
    DataOptions options =
        DataOptions.defaults().withLabels(folder.resolve("labels.csv"), Task.REGRESSION);
    assertThatThrownBy(() -> DataSources.open("shapes", options).close())
        .isInstanceOf(DataException.class)
        .hasMessageContaining("belongs to a folder");
  }
}
