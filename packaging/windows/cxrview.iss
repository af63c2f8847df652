; The installer for Windows: one user, no administrator. Read by Inno Setup 6.3 or newer, started by packaging/build.py.
; Not yet run on Windows.
; Needs /DVersion= /DFlavour= /DFolder= (the frozen folder) /DOutput= .

#define Name "cxrview"

[Setup]
AppId={{6E0C1B52-2C0A-4E5B-9B5E-6B1F0B7E7A31}
AppName={#Name}
AppVersion={#Version}
AppPublisher=The cxrview authors
DefaultDirName={localappdata}\Programs\cxrview
DefaultGroupName=cxrview
DisableProgramGroupPage=yes
; Never for all users: PATH and file types below are those of one.
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0
OutputDir={#Output}
OutputBaseFilename=cxrview-{#Version}-{#Flavour}-windows-x86_64
SetupIconFile=..\icons\cxrview.ico
UninstallDisplayIcon={app}\cxrview.exe
LicenseFile=..\..\LICENSE
Compression=lzma2/max
SolidCompression=yes
ChangesAssociations=yes
ChangesEnvironment=yes
CloseApplications=yes

[InstallDelete]
; An upgrade leaves nothing of the older program behind; what the user keeps lies elsewhere.
Type: filesandordirs; Name: "{app}\_internal"
Type: filesandordirs; Name: "{app}\licences"

[Files]
Source: "{#Folder}\*"; DestDir: "{app}"; Flags: recursesubdirs createallsubdirs ignoreversion
Source: "..\icons\cxrview.ico"; DestDir: "{app}"
Source: "..\icons\cxrview-model.ico"; DestDir: "{app}"

[Tasks]
Name: "path"; Description: "Put the command cxrview on the PATH"
Name: "desktop"; Description: "Icon on the desktop"; Flags: unchecked

[Icons]
Name: "{autoprograms}\cxrview"; Filename: "{app}\cxrview.exe"; IconFilename: "{app}\cxrview.ico"
Name: "{autodesktop}\cxrview"; Filename: "{app}\cxrview.exe"; IconFilename: "{app}\cxrview.ico"; Tasks: desktop

[Registry]
Root: HKCU; Subkey: "Software\Classes\.cxrmodel"; ValueType: string; ValueData: "cxrview.model"; Flags: uninsdeletevalue
Root: HKCU; Subkey: "Software\Classes\cxrview.model"; ValueType: string; ValueData: "cxrview model package"; Flags: uninsdeletekey
Root: HKCU; Subkey: "Software\Classes\cxrview.model\DefaultIcon"; ValueType: string; ValueData: "{app}\cxrview-model.ico"
Root: HKCU; Subkey: "Software\Classes\cxrview.model\shell\open\command"; ValueType: string; ValueData: """{app}\cxrview.exe"" ""%1"""
Root: HKCU; Subkey: "Software\Classes\.dcm\OpenWithProgids"; ValueType: string; ValueName: "cxrview.dicom"; Flags: uninsdeletevalue
Root: HKCU; Subkey: "Software\Classes\.dicom\OpenWithProgids"; ValueType: string; ValueName: "cxrview.dicom"; Flags: uninsdeletevalue
Root: HKCU; Subkey: "Software\Classes\cxrview.dicom"; ValueType: string; ValueData: "DICOM image"; Flags: uninsdeletekey
Root: HKCU; Subkey: "Software\Classes\cxrview.dicom\DefaultIcon"; ValueType: string; ValueData: "{app}\cxrview.ico"
Root: HKCU; Subkey: "Software\Classes\cxrview.dicom\shell\open\command"; ValueType: string; ValueData: """{app}\cxrview.exe"" ""%1"""
Root: HKCU; Subkey: "Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path; Check: IsPathMissing

[Run]
Filename: "{app}\cxrview.exe"; Description: "Start cxrview"; Flags: nowait postinstall skipifsilent

[Code]
// Semicolons on both sides, so that no folder is taken for the beginning of another one's name.
function Enclosed(Text: String): String;
begin
  Result := ';' + Text + ';';
end;

function PathOfUser: String;
begin
  if not RegQueryStringValue(HKCU, 'Environment', 'Path', Result) then
    Result := '';
end;

function IsPathMissing: Boolean;
begin
  Result := Pos(Enclosed(Uppercase(ExpandConstant('{app}'))), Enclosed(Uppercase(PathOfUser))) = 0;
end;

procedure TakeFromPath;
var
  Known: String;
  Place: Integer;
begin
  Known := Enclosed(PathOfUser);
  Place := Pos(Enclosed(Uppercase(ExpandConstant('{app}'))), Uppercase(Known));
  if Place = 0 then
    exit;
  Delete(Known, Place, Length(ExpandConstant('{app}')) + 1);
  // Without the two semicolons that were put around it.
  Known := Copy(Known, 2, Length(Known) - 2);
  RegWriteExpandStringValue(HKCU, 'Environment', 'Path', Known);
end;

procedure CurUninstallStepChanged(CurUninstallStep: TUninstallStep);
var
  Data: String;
begin
  if CurUninstallStep <> usPostUninstall then
    exit;
  TakeFromPath;
  Data := ExpandConstant('{localappdata}\cxrview');
  if UninstallSilent or not DirExists(Data) then
    exit;
  if MsgBox('Delete the settings, the library, added models and training runs too?' + #13#10 + Data,
    mbConfirmation, MB_YESNO or MB_DEFBUTTON2) = IDYES then
    DelTree(Data, True, True, True);
end;
