@echo off
rem Starts Nibble with a JDK 25 or newer: the one in JAVA_HOME, else the java on the PATH.
rem NIBBLE_JAVA_OPTS: further options for the JVM, for example "-Xmx1g".
setlocal
set "NIBBLE_FOLDER=%~dp0.."
set "JAVA=java"
if defined JAVA_HOME if exist "%JAVA_HOME%\bin\java.exe" set "JAVA=%JAVA_HOME%\bin\java.exe"
set "VERSION="
set MAJOR=0
for /f "tokens=2" %%v in ('"%JAVA%" --version') do if not defined VERSION set "VERSION=%%v"
for /f "delims=.-+" %%m in ("%VERSION%") do set "MAJOR=%%m"
if %MAJOR% LSS 25 (
  echo nibble: needs a JDK 25 or newer: install one or set JAVA_HOME to it.>&2
  exit /b 1
)
"%JAVA%" "@%NIBBLE_FOLDER%\lib\nibble.options" %NIBBLE_JAVA_OPTS% "-Dnibble.home=%NIBBLE_FOLDER%" -jar "%NIBBLE_FOLDER%\lib\nibble.jar" %*
exit /b %ERRORLEVEL%
