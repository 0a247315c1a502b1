package dev.nibble.engine.exchange.onnx.model;

import dev.nibble.engine.protobuf.MessageReader;
import java.util.Map;

/** A StringStringEntryProto. */
record StringEntry(String key, String value) {
  static StringEntry read(MessageReader message) {
    String key = "";
    String value = "";
    while (message.next()) {
      switch (message.field()) {
        case 1 -> key = message.text();
        case 2 -> value = message.text();
        default -> {
          // unknown
        }
      }
    }
    return new StringEntry(key, value);
  }

  void putInto(Map<String, String> map) {
    map.put(key, value);
  }
}
