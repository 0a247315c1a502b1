/**
 * The results page: {@link dev.nibble.bench.page.ResultFolder} reads what the suite measured, the
 * sections write tables, the plots draw pictures.
 */
@NullMarked
package dev.nibble.bench.page;

import org.jspecify.annotations.NullMarked;
