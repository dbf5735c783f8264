/* banned - functions whose misuse has cost others dearly; using one does not compile. Included last. */
#ifndef EOCBUS_BASE_BANNED_H
#define EOCBUS_BASE_BANNED_H

#undef alloca /* a macro of <stdlib.h>, which cannot be poisoned while it is one */
#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok atoi atol atof alloca

#endif
