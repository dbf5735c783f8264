/* banned - functions whose misuse has cost others dearly; using one does not compile. Included last. */
#ifndef EOCBUS_BASE_BANNED_H
#define EOCBUS_BASE_BANNED_H

/* Macros of the C library (alloca; under clang with _FORTIFY_SOURCE the others too), and a macro cannot be
 * poisoned. */
#undef alloca
#undef sprintf
#undef vsprintf
#undef strcpy
#undef strcat
#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok atoi atol atof alloca

#endif
