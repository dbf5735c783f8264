/* banned - functions whose misuse has cost others dearly; using one does not compile. */
#ifndef EOCBUS_BASE_BANNED_H
#define EOCBUS_BASE_BANNED_H

#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok atoi atol atof alloca

#endif
