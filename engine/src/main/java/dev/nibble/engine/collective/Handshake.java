package dev.nibble.engine.collective;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * How two workers convince each other that they know the run's secret: each answers the other's
 * random challenge with an HMAC. Whoever cannot is a stranger; nothing that a stranger sends is
 * read beyond a few bytes.
 */
final class Handshake {
  /** What the other end turned out to be. */
  static final class StrangerException extends IOException {
    private static final long serialVersionUID = 1;

    StrangerException(String message) {
      super(message);
    }
  }

  /** Bytes that a conversation begins with; the last one counts versions of all that follows. */
  private static final byte[] MAGIC = "NIBBLE-2".getBytes(StandardCharsets.US_ASCII);

  private static final int NONCE = 32;
  private static final int PATIENCE_MILLIS = 5000;
  private static final String ALGORITHM = "HmacSHA256";

  private final byte[] secret;
  private final SecureRandom random = new SecureRandom();

  Handshake(byte[] secret) {
    this.secret = secret;
  }

  /** Speaks first, as the worker that connects. */
  void connect(SocketChannel channel) throws IOException {
    DataOutputStream out = begin(channel);
    DataInputStream in = new DataInputStream(channel.socket().getInputStream());
    byte[] mine = nonce();
    out.write(MAGIC);
    out.write(mine);
    out.flush();
    byte[] magic = in.readNBytes(MAGIC.length);
    if (magic.length == 0) {
      // As something in between does while nobody listens behind it: the caller tries again.
      throw new EOFException("hung up");
    }
    if (!Arrays.equals(magic, MAGIC)) {
      throw new StrangerException(
          startsAlike(magic)
              ? "what listens there is a worker of another version of Nibble"
              : "what listens there is no worker of Nibble");
    }
    byte[] theirs = in.readNBytes(NONCE);
    byte[] proof = in.readNBytes(NONCE);
    if (!MessageDigest.isEqual(proof, proof("listener", mine, theirs))) {
      throw new StrangerException("what listens there does not know this run's secret");
    }
    out.write(proof("caller", mine, theirs));
    out.flush();
  }

  /** Answers, as the worker that listens. */
  void accept(SocketChannel channel) throws IOException {
    DataOutputStream out = begin(channel);
    DataInputStream in = new DataInputStream(channel.socket().getInputStream());
    byte[] magic = in.readNBytes(MAGIC.length);
    if (!Arrays.equals(magic, MAGIC)) {
      if (startsAlike(magic)) {
        out.write(MAGIC); // so that the other can say what is wrong
        out.flush();
      }
      throw new StrangerException("no worker of this version of Nibble");
    }
    byte[] theirs = in.readNBytes(NONCE);
    if (theirs.length != NONCE) {
      throw new StrangerException("gave up");
    }
    byte[] mine = nonce();
    out.write(MAGIC);
    out.write(mine);
    out.write(proof("listener", theirs, mine));
    out.flush();
    if (!MessageDigest.isEqual(in.readNBytes(NONCE), proof("caller", theirs, mine))) {
      throw new StrangerException("does not know this run's secret");
    }
  }

  private static DataOutputStream begin(SocketChannel channel) throws IOException {
    channel.configureBlocking(true);
    channel.socket().setTcpNoDelay(true);
    channel.socket().setSoTimeout(PATIENCE_MILLIS);
    ByteArrayOutputStream buffer = new ByteArrayOutputStream();
    return new DataOutputStream(buffer) {
      @Override
      public void flush() throws IOException {
        channel.socket().getOutputStream().write(buffer.toByteArray());
        buffer.reset();
      }
    };
  }

  private static boolean startsAlike(byte[] magic) {
    return magic.length == MAGIC.length
        && Arrays.equals(magic, 0, MAGIC.length - 1, MAGIC, 0, MAGIC.length - 1);
  }

  private byte[] nonce() {
    byte[] nonce = new byte[NONCE];
    random.nextBytes(nonce);
    return nonce;
  }

  private byte[] proof(String role, byte[] caller, byte[] listener) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(new SecretKeySpec(secret, ALGORITHM));
      mac.update(role.getBytes(StandardCharsets.US_ASCII));
      mac.update(caller);
      mac.update(listener);
      return mac.doFinal();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("Every JDK has " + ALGORITHM, e);
    }
  }
}
