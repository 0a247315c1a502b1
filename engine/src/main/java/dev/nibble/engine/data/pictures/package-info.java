/**
 * Picture files to 8-bit RGB, with the colours that libjpeg, PIL and torchvision give: colour
 * profiles and gamma are ignored, transparency is dropped. The JDK's ImageIO decodes the samples;
 * what they mean is decided here, for its own rules are others (components without a JFIF marker
 * are taken for RGB, CMYK is not inverted, grey is brightened, profiles are applied).
 */
@NullMarked
package dev.nibble.engine.data.pictures;

import org.jspecify.annotations.NullMarked;
