/* Stands in for libcublasLt, of which nothing is called: cuBLAS only needs it to be loaded. */
#include "standin.h"

__attribute__((constructor)) static void loaded(void) { note("libcublasLt"); }

EXPORT int standinLight(void) { return 0; }
