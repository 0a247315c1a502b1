package dev.nibble.samples;

import java.io.PrintWriter;
import java.io.StringWriter;

/** The command line within this process: quicker, for what does not depend on the process. */
record InProcess(int code, String out, String err) {
  static InProcess run(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = Nibble.run(new PrintWriter(out), new PrintWriter(err), arguments);
    return new InProcess(code, out.toString(), err.toString());
  }
}
